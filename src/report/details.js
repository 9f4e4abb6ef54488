// What is shown of one point: by the tooltip, by the panel and for a row of the table alike.

import { element } from './dom.js'
import { errorText, text } from './data.js'
import { swatch } from './look.js'

// Shown at another place than among the parameters.
const elsewhere = new Set([
  'scheme',
  'curve',
  'point',
  'directory',
  'experiment_version',
  'rng_version',
  'scheme_version',
  'instance_version',
])

export function intervalText(data, i) {
  const lo = data.get('error_lo', i)
  return lo === null ? '–' : `[${errorText(lo)}, ${errorText(data.get('error_hi', i))}]`
}

export function gapText(data, i) {
  const gap = data.get('gap', i)
  return gap === null ? '–' : text(Number(gap.toPrecision(4))) + (data.get('keys', i) === 'stored' ? '*' : '')
}

/** The outcome in a few lines: [label, text]. */
function outcome(data, i) {
  const at = (name) => data.get(name, i)
  if (at('status') === 'infeasible')
    return [
      ['status', 'infeasible: the budget is below the least message'],
      ['least rate', text(at('least_rate'))],
    ]
  if (at('trials') === 0) return [['status', `${at('status')}; no measured trial`]]
  const level = `${text(Number((100 * at('level')).toPrecision(4)))} %`
  const lines =
    at('error') === null
      ? [['mse', text(at('mse')) + (at('mse_floor') === null ? '' : ` (floor ${text(at('mse_floor'))})`)]]
      : [['bit error', `${errorText(at('error'))}  ${intervalText(data, i)} ${level}`]]
  lines.push(['message', `${text(at('message_bits'))} bits, ${text(at('rate'))} per value entry`])
  if (at('floor_bits') !== null)
    lines.push(['floor', `${text(at('floor_bits'))} bits (${at('floor_kind')}), gap ${gapText(data, i)}`])
  lines.push([
    'trials',
    `${at('trials')}, ${at('stop')}` +
      (at('uncertified') ? `, ${at('uncertified')} uncertified` : '') +
      (at('failed') ? `, ${at('failed')} failed` : ''),
  ])
  return lines
}

function parameters(data, i) {
  const list = []
  for (const { name, meaning, measured } of data.columns) {
    if (measured || elsewhere.has(name)) continue
    const value = data.get(name, i)
    if (name === 'options') {
      for (const [option, chosen] of Object.entries(JSON.parse(value) ?? {})) {
        if (option !== 'keys')
          list.push([
            option,
            typeof chosen === 'object' && chosen !== null ? JSON.stringify(chosen) : text(chosen),
            'option of the scheme',
          ])
      }
    } else if (value !== null) {
      list.push([name, text(value), meaning])
    }
  }
  return list
}

const pairs = (list, kind) =>
  element(
    'dl',
    { class: kind },
    ...list.flatMap(([label, value, meaning]) => [element('dt', { title: meaning }, label), element('dd', {}, value)]),
  )

export function heading(data, i) {
  return element(
    'div',
    { class: 'title' },
    swatch(data.get('scheme', i), { hollow: data.get('error', i) === 0, tail: data.get('keys', i) === 'stored' }),
    element('strong', {}, data.get('curve', i)),
  )
}

/** Outcome and every parameter, for the tooltip. `also`: other points at the same place. */
export function card(data, i, also) {
  const names = [...new Set(also.map((k) => data.get('curve', k)))]
  const more = names.length > 4 ? ` and ${names.length - 4} more` : ''
  return element(
    'div',
    {},
    heading(data, i),
    pairs(outcome(data, i), 'outcome'),
    pairs(parameters(data, i), 'compact'),
    also.length
      ? element(
          'p',
          { class: 'muted' },
          `at the same place: ${names.slice(0, 4).join(', ')}${more} (click again for the next)`,
        )
      : null,
  )
}

/** All of a point, for the panel. */
export function sheet(data, i) {
  const rest = data.columns
    .filter(({ name, measured }) => measured && data.get(name, i) !== null)
    .map(({ name, meaning }) => [name, text(data.get(name, i)), meaning])
  const versions = ['experiment_version', 'rng_version', 'scheme_version', 'instance_version']
    .filter((name) => data.get(name, i) !== null)
    .map((name) => [name, text(data.get(name, i)), 'part of the point id'])
  const replay = `kvfrontier replay ${shellWord(data.get('directory', i))} --point ${data.get('point', i)} --trial 0`
  return [
    heading(data, i),
    pairs(outcome(data, i), 'outcome'),
    element('h3', {}, 'Parameters'),
    pairs([...parameters(data, i), ...versions], 'full'),
    element('h3', {}, 'Measured'),
    pairs(rest, 'full'),
    element('h3', {}, 'Measure a trial again'),
    element('code', { class: 'command' }, replay),
  ]
}

/** A word that a POSIX shell takes as it is. */
export function shellWord(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

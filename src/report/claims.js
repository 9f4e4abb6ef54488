// The claims that the records decide, each with its verdict and every check.

import { element, svg } from './dom.js'
import { text } from './data.js'

const four = (value) => (value === null ? '–' : text(Number(value.toPrecision(4))))
const interval = (lo, hi) => `${lo === null ? '(−∞' : `[${four(lo)}`}, ${hi === null ? '∞)' : `${four(hi)}]`}`
const where = (at) =>
  Object.entries(at)
    .map(([name, value]) => `${name} = ${typeof value === 'object' ? JSON.stringify(value) : text(value)}`)
    .join(', ')

/** The interval of a check against the band that is allowed, drawn over the range of both. */
function band(check) {
  const ends = [check.lo, check.hi, check.allowed_lo, check.allowed_hi, check.predicted].filter(
    (value) => value !== null,
  )
  const least = Math.min(...ends),
    most = Math.max(...ends)
  if (!(most > least)) return null
  const margin = 0.15 * (most - least)
  const x = (value, open) => (value === null ? open : (160 * (value - least + margin)) / (most - least + 2 * margin))
  const [lo, hi] = [x(check.lo, 0), x(check.hi, 160)],
    [from, to] = [x(check.allowed_lo, 0), x(check.allowed_hi, 160)]
  return svg(
    'svg',
    { class: 'band', width: 160, height: 14, 'aria-hidden': 'true' },
    svg('rect', { class: 'allowed', x: from, y: 1, width: Math.max(1, to - from), height: 12 }),
    svg('rect', { class: check.outcome, x: Math.min(lo, 157), y: 5, width: Math.max(3, hi - lo), height: 4 }),
  )
}

function checksTable(claim) {
  const rows = claim.checks.map((check, k) =>
    element(
      'tr',
      { class: k === claim.deciding ? 'marked' : null },
      element('td', { class: 'left' }, element('span', { class: `verdict ${check.outcome}` }, check.outcome)),
      element('td', { class: 'left' }, where(check.at)),
      element('td', {}, four(check.measured)),
      element('td', {}, interval(check.lo, check.hi)),
      element('td', {}, four(check.predicted)),
      element('td', {}, interval(check.allowed_lo, check.allowed_hi)),
      element('td', { class: 'left' }, band(check)),
    ),
  )
  const heads = ['verdict', 'at', 'measured', 'interval', 'predicted', 'allowed', 'interval on the allowed band']
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      {},
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ...heads.map((head) =>
            element('th', { scope: 'col', class: ['verdict', 'at', heads[6]].includes(head) ? 'left' : null }, head),
          ),
        ),
      ),
      element('tbody', {}, ...rows),
    ),
  )
}

function claimItem(claim) {
  const body = element('div', { class: 'claim-body' })
  const check = claim.checks[claim.deciding]
  const item = element(
    'details',
    {
      class: 'claim',
      'data-outcome': claim.outcome,
      ontoggle: () => {
        if (!item.open || body.firstChild) return
        const pair = (name, value) => [element('dt', {}, name), element('dd', {}, value)]
        body.append(
          element(
            'dl',
            { class: 'full' },
            ...pair('prediction', claim.prediction),
            ...pair('allowance', claim.allowance),
            ...pair('refuted by', claim.refutation),
            ...pair('source', claim.source),
            ...pair(
              'measured',
              [
                `size ${claim.size}, seed ${claim.seed}, ${claim.points} points`,
                `${claim.checks.length} checks at simultaneous level 1 − 10⁻⁴`,
              ].join(', '),
            ),
          ),
          checksTable(claim),
        )
      },
    },
    element(
      'summary',
      {},
      element('span', { class: `verdict ${claim.outcome}` }, claim.outcome),
      element('span', { class: 'name' }, claim.claim),
      element(
        'span',
        { class: 'statement' },
        claim.statement,
        claim.lack ? element('em', {}, ` (${claim.lack})`) : null,
      ),
      element(
        'span',
        { class: 'deciding' },
        `${four(check.measured)} ${interval(check.lo, check.hi)}`,
        element('span', { class: 'muted' }, ` allowed ${interval(check.allowed_lo, check.allowed_hi)}`),
      ),
    ),
    body,
  )
  return item
}

export function showClaims(container, { judged, unmeasured }) {
  const count = (outcome) => judged.filter((claim) => claim.outcome === outcome).length
  if (judged.length > 0) {
    const order = ['refuted', 'inconclusive', 'holds']
    container.append(
      element(
        'p',
        {},
        `${count('holds')} hold, ${count('refuted')} refuted, ${count('inconclusive')} inconclusive. ` +
          'Each line shows the check that decides, with its interval and what is allowed. ' +
          'Open a line for the formula, the allowance and every check.',
      ),
      ...[...judged].sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome)).map(claimItem),
    )
  } else {
    container.append(
      element('p', {}, 'These records decide no claim. '),
      element(
        'p',
        {},
        element('code', { class: 'command' }, 'kvfrontier verify --out DIR'),
        ' measures them; add DIR to the report.',
      ),
    )
  }
  if (unmeasured.length > 0 && judged.length > 0)
    container.append(element('p', { class: 'muted' }, `Not measured in these records: ${unmeasured.join(', ')}.`))
}

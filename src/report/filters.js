// What is shown: schemes by check boxes, which are the legend too; parameters by lists; words of the options.

import { element, byId } from './dom.js'
import { distinct, text } from './data.js'
import { swatch } from './look.js'

// Lists that are always there, with their labels; the others only where the points differ in them.
const always = { n: 'n', d: 'd', embedding: 'keys from (embedding)', instance: 'instance' }
const others = {
  keys: 'keys in the message',
  schedule: 'schedule',
  status: 'status',
  tau_rule: 'tau',
  eta: 'eta',
  seed: 'seed',
  queries: 'queries',
  rate_budget: 'budget per entry',
  experiment: 'experiment',
  directory: 'directory',
}

const longest = 60 // a list that nobody would read; the text filter finds options

export class Filters {
  constructor(container, data, { onChange, onEmphasis }) {
    this.data = data
    this.onChange = onChange
    this.selects = new Map()
    this.boxes = new Map()
    this.search = element('input', {
      type: 'search',
      id: 'filter-text',
      autocomplete: 'off',
      placeholder: 'e.g. format=fp16',
      oninput: () => this.changed(),
    })

    const lists = element('div', { class: 'lists' })
    for (const [name, label] of Object.entries({ ...always, ...others })) {
      const values = distinct(data, name)
      if (!(name in always) && (values.length < 2 || values.length > longest)) continue
      const select = element(
        'select',
        { id: `filter-${name}`, onchange: () => this.changed() },
        element('option', { value: '' }, values.length > 1 ? `all ${values.length}` : 'all'),
        ...values.map((value, k) => element('option', { value: k + 1 }, text(value))),
      )
      this.selects.set(name, { select, values })
      lists.append(element('label', { for: select.id }, element('span', {}, label), select))
    }
    lists.append(
      element('label', { for: this.search.id }, element('span', {}, 'scheme or option contains'), this.search),
    )

    const legend = element('div', { class: 'legend' })
    for (const scheme of distinct(data, 'scheme')) {
      const box = element('input', { type: 'checkbox', checked: true, onchange: () => this.changed() })
      const count = element('span', { class: 'count' })
      const row = element(
        'label',
        {
          onmouseenter: () => onEmphasis(scheme),
          onmouseleave: () => onEmphasis(null),
          onfocusin: () => onEmphasis(scheme),
          onfocusout: () => onEmphasis(null),
        },
        box,
        swatch(scheme),
        element('span', { class: 'name' }, scheme),
        count,
      )
      this.boxes.set(scheme, { box, count, row })
      legend.append(row)
    }
    const all = (checked) => () => {
      for (const { box } of this.boxes.values()) box.checked = checked
      this.changed()
    }
    container.append(
      element(
        'div',
        { class: 'buttons' },
        element(
          'button',
          { type: 'button', id: 'show-all', title: 'no filter', onclick: () => this.clear() },
          'Show all',
        ),
        element(
          'button',
          { type: 'button', id: 'show-start', title: 'the setting with the most points', onclick: () => this.start() },
          'Start view',
        ),
      ),
      lists,
      element(
        'fieldset',
        { id: 'schemes' },
        element('legend', {}, 'Schemes'),
        element(
          'div',
          { class: 'buttons' },
          element('button', { type: 'button', onclick: all(true) }, 'all'),
          element('button', { type: 'button', onclick: all(false) }, 'none'),
        ),
        legend,
      ),
    )
    this.legend = legend
    this.start(true)
  }

  /** Shows the setting (instance, embedding, schedule, n, d) with the most measured points. */
  start(quietly = false) {
    const names = ['instance', 'embedding', 'schedule', 'n', 'd'].filter((name) => this.selects.has(name))
    const counts = new Map()
    for (let i = 0; i < this.data.count; i++) {
      if (this.data.get('error', i) === null) continue
      const key = names.map((name) => this.data.get(name, i)).join('\n')
      const entry = counts.get(key) ?? { count: 0, i }
      entry.count++
      counts.set(key, entry)
    }
    const [largest] = [...counts.values()].sort(
      (a, b) =>
        b.count - a.count ||
        this.data.get('tokens', b.i) * this.data.get('d', b.i) - this.data.get('tokens', a.i) * this.data.get('d', a.i),
    )
    this.reset()
    if (largest) {
      for (const name of names) {
        const { select, values } = this.selects.get(name)
        if (values.length > 1) select.value = values.indexOf(this.data.get(name, largest.i)) + 1
      }
    }
    if (!quietly) this.changed()
  }

  reset() {
    for (const { select } of this.selects.values()) select.value = ''
    for (const { box } of this.boxes.values()) box.checked = true
    this.search.value = ''
  }

  clear() {
    this.reset()
    this.changed()
  }

  changed() {
    this.onChange(this.chosen())
  }

  /** The points that pass, in the order of the data. Counts beside the schemes are of the other filters. */
  chosen() {
    const { data } = this
    const wanted = []
    for (const [name, { select, values }] of this.selects) {
      if (select.value !== '') wanted.push([name, values[select.value - 1]])
    }
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean)
    const counts = new Map()
    const list = []
    for (let i = 0; i < data.count; i++) {
      if (!wanted.every(([name, value]) => data.get(name, i) === value)) continue
      if (words.length > 0) {
        const options = data.get('options', i).replaceAll('"', '').replaceAll(':', '=').toLowerCase()
        const haystack = `${data.get('scheme', i)} ${options} ${data.get('point', i)}`.toLowerCase()
        if (!words.every((word) => haystack.includes(word))) continue
      }
      const scheme = data.get('scheme', i)
      counts.set(scheme, (counts.get(scheme) ?? 0) + 1)
      if (this.boxes.get(scheme).box.checked) list.push(i)
    }
    for (const [scheme, { count, row }] of this.boxes) {
      count.textContent = counts.get(scheme) ?? 0
      row.classList.toggle('absent', !counts.has(scheme))
    }
    return list
  }

  /** The swatches in the colours of the moment. */
  recolour() {
    for (const [scheme, { row }] of this.boxes) row.querySelector('.swatch').replaceWith(swatch(scheme))
  }
}

export function readOptions() {
  return { x: byId('x-axis').value, y: byId('y-axis').value, lines: byId('lines').checked }
}

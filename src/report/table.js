// The points as a table: sorted by any column, a page at a time, walked by the arrow keys.

import { element } from './dom.js'
import { compare, errorText, text } from './data.js'
import { gapText, intervalText } from './details.js'
import { swatch } from './look.js'

const rowsAPage = 100

export class Table {
  /** `onFocus(i)`: a row has the focus; `onSelect(i)`: Enter or a click. */
  constructor(container, data, { onFocus, onSelect }) {
    this.data = data
    this.onFocus = onFocus
    this.onSelect = onSelect
    this.sort = { column: null, descending: false }
    this.page = 0
    this.all = this.list = []
    const at = (name) => (i) => data.get(name, i)
    this.columns = [
      {
        title: 'scheme',
        key: at('curve'),
        cell: (i) => [
          swatch(data.get('scheme', i), { hollow: data.get('error', i) === 0, tail: data.get('keys', i) === 'stored' }),
          data.get('curve', i),
        ],
        left: true,
      },
      { title: 'keys', key: at('keys'), left: true },
      { title: 'n', key: at('n') },
      { title: 'd', key: at('d') },
      { title: 'budget', key: at('rate_budget'), meaning: 'bits per value entry that the scheme was allowed' },
      {
        title: 'bits/Nd',
        key: at('rate'),
        meaning: 'message bits per value entry',
        cell: (i) => shorter(data.get('rate', i)),
      },
      {
        title: 'bits',
        key: at('message_bits'),
        meaning: 'message bits, mean over trials',
        cell: (i) => (data.get('message_bits', i) === null ? '–' : text(Math.round(data.get('message_bits', i)))),
      },
      { title: 'error', key: at('error'), cell: (i) => errorText(data.get('error', i)) },
      {
        title: 'interval',
        key: at('error_hi'),
        meaning: 'of the error, looks included; sorts by its upper end',
        cell: (i) => intervalText(data, i),
      },
      {
        title: 'floor',
        key: at('floor_bits'),
        meaning: 'least bits of any message with this error',
        cell: (i) => (data.get('floor_bits', i) === null ? '–' : text(Math.round(data.get('floor_bits', i)))),
      },
      {
        title: 'gap',
        key: at('gap'),
        meaning: 'message bits over floor; * pays for stored keys, which the floor does not count',
        cell: (i) => gapText(data, i),
      },
      { title: 'trials', key: at('trials') },
      { title: 'status', key: at('status'), left: true },
      { title: 'instance', key: at('instance'), left: true },
      { title: 'embedding', key: at('embedding'), left: true },
      { title: 'schedule', key: at('schedule'), left: true },
    ]
    const heads = this.columns.map((column) => {
      column.head = element(
        'th',
        { scope: 'col', class: column.left ? 'left' : null, title: column.meaning },
        element('button', { type: 'button', onclick: () => this.sortBy(column) }, column.title),
      )
      return column.head
    })
    this.body = element('tbody', { onkeydown: (event) => this.key(event) })
    this.box = element(
      'div',
      { class: 'scroll', tabindex: -1 },
      element('table', {}, element('thead', {}, element('tr', {}, ...heads)), this.body),
    )
    this.status = element('span', { 'aria-live': 'polite' })
    const turn = (step) =>
      element('button', { type: 'button', onclick: () => this.turn(step) }, step < 0 ? '‹ previous' : 'next ›')
    this.buttons = [turn(-1), turn(1)]
    container.append(this.box, element('div', { class: 'pager' }, ...this.buttons, this.status))
  }

  show(list) {
    this.all = list
    this.page = 0
    this.arrange()
    this.draw()
  }

  sortBy(column) {
    const descending = this.sort.column === column && !this.sort.descending
    this.sort = { column, descending }
    for (const other of this.columns) other.head.toggleAttribute('aria-sort', false)
    column.head.setAttribute('aria-sort', descending ? 'descending' : 'ascending')
    this.page = 0
    this.arrange()
    this.draw()
  }

  /** Rows without the value come last, whichever way it is sorted. */
  arrange() {
    const { column, descending } = this.sort
    this.list = this.all
    if (!column) return
    const keyed = this.all.map((i) => [column.key(i), i])
    keyed.sort(
      ([a, i], [b, j]) =>
        (a === null) - (b === null) || (a === null ? 0 : descending ? compare(b, a) : compare(a, b)) || i - j,
    )
    this.list = keyed.map(([, i]) => i)
  }

  get pages() {
    return Math.max(1, Math.ceil(this.list.length / rowsAPage))
  }

  turn(step) {
    this.page = Math.min(this.pages - 1, Math.max(0, this.page + step))
    this.draw()
    this.box.scrollTop = 0
  }

  draw() {
    const first = this.page * rowsAPage,
      part = this.list.slice(first, first + rowsAPage)
    this.body.replaceChildren(
      ...part.map((i, k) => {
        const cells = this.columns.map((column) =>
          element(
            'td',
            { class: column.left ? 'left' : null },
            ...[(column.cell ?? ((j) => text(column.key(j))))(i)].flat(),
          ),
        )
        const row = element(
          'tr',
          {
            tabindex: k === 0 ? 0 : -1,
            'data-point': this.data.get('point', i),
            onfocus: () => this.focused(row, i),
            onclick: () => this.onSelect(i),
          },
          ...cells,
        )
        row.point = i
        return row
      }),
    )
    this.status.textContent =
      this.list.length === 0
        ? 'no point passes the filters'
        : `${first + 1}–${first + part.length} of ${this.list.length} points`
    this.buttons[0].disabled = this.page === 0
    this.buttons[1].disabled = this.page >= this.pages - 1
    this.mark(this.marked ?? -1)
  }

  focused(row, i) {
    for (const other of this.body.children) other.tabIndex = other === row ? 0 : -1
    this.onFocus(i)
  }

  key(event) {
    const row = event.target.closest('tr')
    if (!row) return
    const move = (to) => {
      event.preventDefault()
      to?.focus()
    }
    if (event.key === 'ArrowDown') {
      if (!row.nextElementSibling && this.page < this.pages - 1) (this.turn(1), move(this.body.firstElementChild))
      else move(row.nextElementSibling)
    } else if (event.key === 'ArrowUp') {
      if (!row.previousElementSibling && this.page > 0) (this.turn(-1), move(this.body.lastElementChild))
      else move(row.previousElementSibling)
    } else if (event.key === 'PageDown' || event.key === 'PageUp') {
      this.turn(event.key === 'PageDown' ? 1 : -1)
      move(this.body.firstElementChild)
    } else if (event.key === 'Home') move(this.body.firstElementChild)
    else if (event.key === 'End') move(this.body.lastElementChild)
    else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      this.onSelect(row.point)
    }
  }

  /** Marks the row of a point where it is on the page. */
  mark(i) {
    this.marked = i
    for (const row of this.body.children) row.classList.toggle('marked', row.point === i)
  }

  /** Turns to the page of a point and brings its row into view. */
  reveal(i) {
    const place = this.list.indexOf(i)
    if (place < 0) return
    const page = Math.floor(place / rowsAPage)
    if (page !== this.page) {
      this.page = page
      this.draw()
    }
    this.mark(i)
    const row = [...this.body.children].find((other) => other.point === i)
    // Within its own box: the page itself stays where it is.
    this.box.scrollTop = row.offsetTop - this.box.clientHeight / 2
  }
}

const shorter = (value) => (value === null ? '–' : String(Number(value.toPrecision(4))))

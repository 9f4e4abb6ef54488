// Ties the parts of the page together: filters choose points, chart and table show them, the panel describes one.

import { Chart } from './chart.js'
import { showClaims } from './claims.js'
import { errorText, readData, text } from './data.js'
import { gapText, sheet } from './details.js'
import { byId, element } from './dom.js'
import { Filters, readOptions } from './filters.js'
import { swatch } from './look.js'
import { showProvenance } from './provenance.js'
import { Table } from './table.js'

const data = readData(byId('data').textContent)
byId('data').remove()

let pinned = -1

/** Shows a point in the panel, the chart and the table; -1 goes back to the pinned one. */
function attend(i) {
  const point = i < 0 ? pinned : i
  chart.focus(point)
  table.mark(point)
  if (point === described) return
  described = point
  if (point >= 0) byId('details').replaceChildren(...sheet(data, point))
  else byId('details').replaceChildren(...invitation())
}
let described

/** What the panel shows before a point is chosen: how to choose one, and the best of what is shown. */
function invitation() {
  const hint = element(
    'p',
    { class: 'muted' },
    'Point at a mark, or walk through the table or the chart with the arrow keys, and this panel shows the point. ' +
      'A click keeps it, Escape lets go. Drag to pan, Ctrl and wheel to zoom.',
  )
  const steps = chart.staircase()
  if (steps.length === 0) return [hint]
  const rows = steps
    .slice(0, 40)
    .map((i) =>
      element(
        'tr',
        {},
        element('td', { class: 'left' }, swatch(data.get('scheme', i)), data.get('scheme', i)),
        element('td', {}, text(Number(data.get(chart.options.x, i).toPrecision(4)))),
        element('td', {}, errorText(data.get('error', i))),
        element('td', {}, gapText(data, i)),
      ),
    )
  const heads = ['scheme', chart.options.x === 'rate' ? 'bits/Nd' : 'bits', 'error', 'gap'].map((head, k) =>
    element('th', { scope: 'col', class: k === 0 ? 'left' : null }, head),
  )
  return [
    hint,
    element('h3', {}, 'Best of what is shown'),
    element('table', {}, element('thead', {}, element('tr', {}, ...heads)), element('tbody', {}, ...rows)),
    steps.length > rows.length ? element('p', { class: 'muted' }, `and ${steps.length - rows.length} more`) : '',
  ]
}

function pin(i) {
  pinned = i
  attend(i)
}

const chart = new Chart(byId('plot'), data, {
  onHover: attend,
  onSelect: (i) => {
    pin(i)
    table.reveal(i)
  },
})
const table = new Table(byId('table'), data, { onFocus: pin, onSelect: pin })
const filters = new Filters(byId('filters'), data, { onChange: show, onEmphasis: (scheme) => chart.emphasise(scheme) })

function show(list) {
  chart.hideTooltip()
  chart.show(list, readOptions())
  table.show(list)
  if (pinned >= 0 && !list.includes(pinned)) pinned = -1
  described = undefined
  attend(-1)
  byId('shown').textContent = summary(list)
}

function summary(list) {
  const count = (holds) => list.filter(holds).length
  const unmeasured = count((i) => data.get('trials', i) === 0),
    without = list.length - unmeasured - chart.shown.length
  const zero = chart.shown.filter((i) => data.get('error', i) === 0).length
  return (
    `${chart.shown.length} marks of ${data.count} points` +
    (zero ? `, ${zero} of them without an error seen` : '') +
    (unmeasured
      ? `; ${unmeasured} chosen points have no measured trial (infeasible budget, no certified scaling): table only`
      : '') +
    (without ? `; ${without} have no bits to err in: table only` : '')
  )
}

for (const id of ['x-axis', 'y-axis', 'lines']) byId(id).addEventListener('change', () => show(filters.chosen()))
byId('zoom-in').addEventListener('click', () => chart.zoom(0.7))
byId('zoom-out').addEventListener('click', () => chart.zoom(1 / 0.7))
byId('zoom-all').addEventListener('click', () => chart.unzoom())

byId('plot').addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
  if (step) {
    const i = chart.neighbour(pinned, step)
    if (i >= 0) {
      pin(i)
      chart.showTooltip(i, [])
      table.reveal(i)
    }
  } else if (event.key === 'Escape') {
    pin(-1)
    chart.hideTooltip()
  } else if (event.key === '+' || event.key === '=') chart.zoom(0.7)
  else if (event.key === '-') chart.zoom(1 / 0.7)
  else if (event.key === '0') chart.unzoom()
  else return
  event.preventDefault()
})
byId('plot').addEventListener('blur', () => chart.hideTooltip())

const title =
  data.page.directories.length === 1 ? data.page.directories[0] : `${data.page.directories.length} directories`
document.title = `kvfrontier: ${title}`
byId('source').textContent = `${title}: ${data.page.records} records, ${data.count} points`
showClaims(byId('claims'), data.page.claims)
showProvenance(byId('provenance'), data.page)

function paintKey() {
  byId('key-zero').replaceChildren(swatch('bitpack', { hollow: true }))
  byId('key-tail').replaceChildren(swatch('bitpack', { tail: true }))
}
paintKey()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  filters.recolour()
  paintKey()
  show(filters.chosen())
})
if (data.count === 0) byId('explorer').hidden = true
else show(filters.chosen())

// For scripts that drive the page: where a point is drawn, in pixels of the chart.
window.kvfrontier = {
  pixelOf: (point) => {
    for (let i = 0; i < data.count; i++) if (data.get('point', i) === point) return chart.pixelOf(i)
    return null
  },
}

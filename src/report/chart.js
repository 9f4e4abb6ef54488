// The scatter: error against memory, with floors, forbidden region and staircase. Axes, layers and redrawing are
// ECharts'; what is in them is drawn as few compound shapes, so that 50,000 marks stay quick.

import { CustomChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { element } from './dom.js'
import { card } from './details.js'
import { lookOf, theme, traceMarker } from './look.js'

echarts.use([CustomChart, GridComponent, CanvasRenderer])

const Marks = echarts.graphic.extendShape({
  type: 'marks',
  shape: { xy: [], marker: 0, r: 4, tail: false, arrow: false },
  buildPath(context, { xy, marker, r, tail, arrow }) {
    for (let k = 0; k < xy.length; k += 2) traceMarker(context, marker, xy[k], xy[k + 1], r, { tail, arrow })
  },
})
echarts.graphic.registerShape('marks', Marks)

const marksAShape = 400 // a canvas fills few long paths far more slowly than many short ones
const reach = 14 // pixels from the pointer to a mark that it still means

const axes = {
  rate: { name: 'message bits per value entry', base: 2 },
  message_bits: { name: 'message bits', base: 10 },
}

export class Chart {
  /** `onSelect(i)`: a mark was clicked; `onHover(i or -1)`. */
  constructor(container, data, { onSelect, onHover }) {
    this.data = data
    this.container = container
    this.onSelect = onSelect
    this.onHover = onHover
    this.shown = []
    this.options = { x: 'rate', y: 'log', lines: true }
    this.window = null // what is zoomed to, in axis units; null: all
    this.emphasis = null
    this.focused = -1
    this.tooltip = element('div', { class: 'tooltip', role: 'status', hidden: true })
    this.canvas = element('div', { class: 'canvas' })
    container.append(this.canvas, this.tooltip)
    this.echart = echarts.init(this.canvas, null, { renderer: 'canvas' })
    this.overlay = new echarts.graphic.Group({ silent: true })
    this.echart.getZr().add(this.overlay)
    this.listen()
    new ResizeObserver(() => {
      this.echart.resize()
      this.draw()
    }).observe(this.canvas)
  }

  /** Shows these points (those without a measured bit error have no mark), drawn as `options` say. */
  show(shown, options) {
    const unzoom = options.x !== this.options.x || options.y !== this.options.y
    this.options = options
    this.shown = shown.filter((i) => this.data.get('error', i) !== null && this.data.get('trials', i) > 0)
    this.leastX = this.shown.reduce(
      (least, i) => Math.min(least, this.data.get(options.x, i) || Infinity),
      options.x === 'rate' ? 1 : 1000,
    )
    const inside = ({ x0, x1, y0, y1 }) =>
      this.shown.some((i) => this.x(i) >= x0 && this.x(i) <= x1 && this.y(i) >= y0 && this.y(i) <= y1)
    if (unzoom || (this.window && !inside(this.window))) this.window = null
    this.order = null
    this.draw()
  }

  emphasise(scheme) {
    if (scheme === this.emphasis) return
    this.emphasis = scheme
    this.draw()
  }

  // In units of the axes: logarithms, or the error itself.

  /** An empty message has no place on a log axis: it is drawn left of all others. */
  x(i) {
    return Math.log(this.data.get(this.options.x, i) || this.leastX / 2) / Math.log(axes[this.options.x].base)
  }
  /** No error seen: at the upper end of the interval on a log axis, where zero has no place. */
  y(i) {
    const error = this.data.get('error', i)
    return this.options.y === 'linear' ? error : Math.log10(error > 0 ? error : this.data.get('error_hi', i))
  }
  errorToY(error) {
    return this.options.y === 'linear' ? error : Math.log10(Math.max(error, 1e-12))
  }
  bitsToX(bits, entries) {
    return (
      Math.log(Math.max(this.options.x === 'rate' ? bits / entries : bits, 1e-9)) / Math.log(axes[this.options.x].base)
    )
  }

  /** What the axes span when nothing is zoomed: all marks with a margin, and enough of the floor to see it. */
  extent() {
    const { base } = axes[this.options.x]
    const xs = this.shown.map((i) => this.x(i)),
      ys = this.shown.map((i) => this.y(i))
    const least = (list, otherwise) => list.reduce((a, b) => Math.min(a, b), otherwise)
    const most = (list, otherwise) => list.reduce((a, b) => Math.max(a, b), otherwise)
    const floors = this.floors()
    const quarter = floors.map((floor) => this.bitsToX(floor.entries / 4, floor.entries))
    const whole = floors.map((floor) => this.bitsToX(floor.entries * 1.2, floor.entries))
    let x0 = least([...xs, ...quarter], Infinity),
      x1 = most([...xs, ...whole], -Infinity)
    if (!(x0 < x1)) [x0, x1] = [-2, 5]
    const margin = Math.log(1.4) / Math.log(base)
    const log = this.options.y === 'log'
    return {
      x0: x0 - margin,
      x1: x1 + margin,
      y0: log ? least(ys, -2) - 0.35 : -0.015,
      y1: log ? Math.max(most(ys, -1), Math.log10(0.5)) + 0.12 : Math.max(0.52, most(ys, 0) + 0.02),
    }
  }

  /** The floors of the sizes on view. A size with messages of varying length has the entropy floor, which is lower. */
  floors() {
    const wanted = new Map()
    for (const i of this.shown) {
      const bits = this.data.get('information_bits', i)
      if (this.data.get('floor_bits', i) === null) continue
      const key = `${bits} ${this.data.get('tokens', i) * this.data.get('d', i)}`
      wanted.set(key, wanted.get(key) || this.data.get('floor_kind', i) === 'entropy')
    }
    return this.data.page.floors
      .filter((floor) => wanted.has(`${floor.information_bits} ${floor.entries}`))
      .map((floor) => ({ ...floor, varying: wanted.get(`${floor.information_bits} ${floor.entries}`) }))
  }

  /** Undominated points of what is shown, by rising memory: none has at most the memory and less error. */
  staircase() {
    const order = [...this.shown].sort(
      (a, b) => this.x(a) - this.x(b) || this.data.get('error', a) - this.data.get('error', b),
    )
    const steps = []
    for (const i of order) {
      if (steps.length === 0 || this.data.get('error', i) < this.data.get('error', steps.at(-1))) steps.push(i)
    }
    return steps
  }

  draw() {
    const width = this.canvas.clientWidth,
      height = this.canvas.clientHeight
    if (width === 0 || height === 0) return
    const colours = theme()
    const view = this.window ?? this.extent()
    this.view = view
    const frame = { left: 74, right: 14, top: 12, bottom: 46 }
    this.frame = {
      left: frame.left,
      top: frame.top,
      width: Math.max(10, width - frame.left - frame.right),
      height: Math.max(10, height - frame.top - frame.bottom),
    }
    this.place()
    const xTicks = ticks(view.x0, view.x1, axes[this.options.x].base, this.frame.width / 64)
    const yTicks =
      this.options.y === 'log'
        ? ticks(view.y0, view.y1, 10, this.frame.height / 36)
        : linearTicks(view.y0, view.y1, this.frame.height / 50)
    const axis = (name, min, max, marks, gap) => ({
      type: 'value',
      name,
      nameLocation: 'middle',
      nameGap: gap,
      nameMoveOverlap: false,
      nameTextStyle: { color: colours.ink, fontSize: 13 },
      min,
      max,
      animation: false,
      axisLine: { show: true, onZero: false, lineStyle: { color: colours.muted } },
      axisTick: { show: true, customValues: marks.map((mark) => mark.at), lineStyle: { color: colours.muted } },
      axisLabel: {
        color: colours.ink,
        fontSize: 12,
        customValues: marks.filter((mark) => mark.label).map((mark) => mark.at),
        hideOverlap: true,
        formatter: (at) => marks.find((mark) => Math.abs(mark.at - at) < 1e-9)?.label ?? '',
      },
      splitLine: { show: false },
    })
    const layer = (id, z, children) => ({
      id,
      type: 'custom',
      z,
      coordinateSystem: 'cartesian2d',
      silent: true,
      clip: true,
      animation: false,
      data: [[view.x0, view.y0]],
      renderItem: () => ({ type: 'group', children }),
    })
    this.echart.setOption(
      {
        animation: false,
        backgroundColor: 'transparent',
        grid: { ...frame, outerBoundsMode: 'none' },
        xAxis: axis(
          axes[this.options.x].name + (this.options.x === 'rate' ? ', B / (N d)' : ', B'),
          view.x0,
          view.x1,
          xTicks,
          28,
        ),
        yAxis: axis('bit error', view.y0, view.y1, yTicks, 54),
        series: [
          layer('grid', 1, this.gridLines(xTicks, yTicks, colours)),
          layer('floors', 2, this.floorShapes(colours)),
          layer('lines', 3, this.lineShapes(colours)),
          layer('marks', 4, this.markShapes(colours)),
        ],
      },
      { replaceMerge: ['series'] },
    )
    this.drawFocus()
    this.container.dataset.marks = this.shown.length
  }

  px(x) {
    return this.frame.left + ((x - this.view.x0) / (this.view.x1 - this.view.x0)) * this.frame.width
  }
  py(y) {
    return this.frame.top + ((this.view.y1 - y) / (this.view.y1 - this.view.y0)) * this.frame.height
  }

  /** Pixels of every mark, and which marks lie in each square of the plane: for the pointer. */
  place() {
    this.pixels = new Float64Array(2 * this.shown.length)
    this.squares = new Map()
    this.shown.forEach((i, k) => {
      const x = this.px(this.x(i)),
        y = this.py(this.y(i))
      this.pixels[2 * k] = x
      this.pixels[2 * k + 1] = y
      const square = `${Math.floor(x / reach)} ${Math.floor(y / reach)}`
      const members = this.squares.get(square)
      if (members) members.push(k)
      else this.squares.set(square, [k])
    })
  }

  gridLines(xTicks, yTicks, colours) {
    const { left, top, width, height } = this.frame
    const line = (x1, y1, x2, y2) => ({
      type: 'line',
      shape: { x1, y1, x2, y2 },
      style: { stroke: colours.grid, lineWidth: 1 },
    })
    return [
      ...xTicks.filter((mark) => mark.label).map(({ at }) => line(this.px(at), top, this.px(at), top + height)),
      ...yTicks.filter((mark) => mark.label).map(({ at }) => line(left, this.py(at), left + width, this.py(at))),
    ]
  }

  floorShapes(colours) {
    const floors = this.floors()
    if (floors.length === 0) return []
    const bottom = this.frame.top + this.frame.height + 2,
      left = this.frame.left - 2
    const clamped = (error) => Math.min(bottom, this.py(this.errorToY(error)))
    const curves = floors.map((floor) => {
      const errors = floor.varying ? floor.entropy : floor.finite
      const points = floor.bits.map((bits, k) => [this.px(this.bitsToX(bits, floor.entries)), clamped(errors[k])])
      return { points, varying: floor.varying }
    })
    // What no size allows: the lowest of the curves everywhere.
    const xs = [...new Set(curves.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b)
    const region = xs.map((x) => [x, Math.max(...curves.map(({ points }) => heightAt(points, x, bottom)))])
    const shapes = [
      {
        type: 'polygon',
        shape: {
          points: [
            [Math.min(left, xs[0]), bottom],
            [Math.min(left, xs[0]), region[0][1]],
            ...region,
            [xs.at(-1), bottom],
          ],
        },
        style: { fill: colours.forbidden },
      },
    ]
    for (const { points, varying } of curves.slice(0, 60)) {
      shapes.push({
        type: 'polyline',
        shape: { points },
        style: {
          fill: 'none',
          stroke: colours.ink,
          lineWidth: curves.length > 6 ? 0.8 : 1.3,
          opacity: curves.length > 6 ? 0.6 : 1,
          lineDash: varying ? [2, 3] : null,
        },
      })
    }
    const right = region.filter(([, y]) => bottom - y > 40).at(-1)?.[0] ?? 0
    if (right - this.frame.left > 130) {
      shapes.push({
        type: 'text',
        style: {
          text: 'no scheme can be here',
          x: this.frame.left + 12,
          y: bottom - 24,
          fill: colours.muted,
          fontSize: 13,
        },
      })
    }
    return shapes
  }

  lineShapes(colours) {
    const shapes = []
    if (this.options.lines && this.shown.length <= 4000) {
      const curves = new Map()
      this.shown.forEach((i, k) => {
        // Upper ends of intervals are no curve.
        if (this.data.get('rate_budget', i) === null || (this.options.y === 'log' && this.data.get('error', i) === 0))
          return
        const at = (name) => this.data.get(name, i)
        const key = JSON.stringify(
          [
            'curve',
            'instance',
            'instance_options',
            'embedding',
            'schedule',
            'n',
            'd',
            'eta',
            'tau_rule',
            'seed',
            'queries',
          ].map(at),
        )
        if (!curves.has(key)) curves.set(key, [])
        curves.get(key).push(k)
      })
      for (const members of curves.values()) {
        if (members.length < 2) continue
        const scheme = this.data.get('scheme', this.shown[members[0]])
        const ends = members
          .map((k) => this.shown[k])
          .sort((a, b) => this.x(a) - this.x(b) || this.data.get('error', b) - this.data.get('error', a))
        const points = ends.flatMap((i, k) =>
          k === 0 ? [[this.px(this.x(i)), this.py(this.y(i))]] : this.timeSharing(ends[k - 1], i),
        )
        shapes.push({
          type: 'polyline',
          shape: { points },
          style: {
            fill: 'none',
            stroke: colours.palette[lookOf(scheme).colour],
            lineWidth: 1,
            opacity: this.fade(scheme, 0.45),
          },
        })
      }
    }
    const steps = this.staircase()
    if (steps.length > 0) {
      const points = []
      steps.forEach((i, k) => {
        const x = this.px(this.x(i)),
          y = this.py(this.y(i))
        points.push([x, k === 0 ? this.frame.top : points.at(-1)[1]], [x, y])
      })
      points.push([this.frame.left + this.frame.width, points.at(-1)[1]])
      shapes.push({
        type: 'polyline',
        shape: { points },
        style: { fill: 'none', stroke: colours.ink, lineWidth: 1, lineDash: [5, 3], opacity: 0.7 },
      })
    }
    return shapes
  }

  /**
   * From mark a to mark b through what lies between two budgets: some tokens at one, the others at the other, which is
   * a straight line in bits and error. The floor is convex, so such lines stay out of the grey; straight lines on log
   * axes do not. Returns pixels, without those of a.
   */
  timeSharing(a, b) {
    const bits = [a, b].map((i) => this.data.get(this.options.x, i)),
      errors = [a, b].map((i) => this.data.get('error', i))
    const shares = new Set([1])
    for (const [from, to] of [bits, errors]) {
      for (let step = 1; from > 0 && to > 0 && from !== to && step < 16; ++step)
        shares.add((from * (to / from) ** (step / 16) - from) / (to - from))
    }
    const between = ([from, to], share) => from + (to - from) * share
    return [...shares]
      .sort((s, t) => s - t)
      .map((share) => [
        this.px(Math.log(between(bits, share) || this.leastX / 2) / Math.log(axes[this.options.x].base)),
        this.py(this.errorToY(between(errors, share))),
      ])
  }

  fade(scheme, opacity) {
    return this.emphasis === null || this.emphasis === scheme ? opacity : opacity * 0.12
  }

  markShapes(colours) {
    const groups = new Map()
    this.shown.forEach((i, k) => {
      const scheme = this.data.get('scheme', i),
        zero = this.data.get('error', i) === 0,
        tail = this.data.get('keys', i) === 'stored'
      const key = `${scheme} ${zero} ${tail}`
      if (!groups.has(key)) groups.set(key, { scheme, zero, tail, xy: [] })
      groups.get(key).xy.push(this.pixels[2 * k], this.pixels[2 * k + 1])
    })
    const r = this.shown.length > 5000 ? 2.6 : this.shown.length > 800 ? 3.6 : 4.8
    // Large groups first: the few are not buried under the many. The emphasised one last.
    const order = [...groups.values()].sort(
      (a, b) => (a.scheme === this.emphasis) - (b.scheme === this.emphasis) || b.xy.length - a.xy.length,
    )
    return order.flatMap(({ scheme, zero, tail, xy }) => {
      const { colour, marker } = lookOf(scheme)
      const paint = colours.palette[colour]
      const style = {
        fill: zero ? colours.background : paint,
        stroke: paint,
        lineWidth: zero ? 1.5 : 0.9,
        opacity: this.fade(scheme, this.shown.length > 5000 ? 0.75 : 0.95),
      }
      const pieces = []
      for (let k = 0; k < xy.length; k += 2 * marksAShape) {
        pieces.push({
          type: 'marks',
          shape: { xy: xy.slice(k, k + 2 * marksAShape), marker, r, tail, arrow: zero && this.options.y === 'log' },
          style,
        })
      }
      return pieces
    })
  }

  // One mark with its interval, on a layer of its own.

  focus(i) {
    if (i === this.focused) return
    this.focused = i
    this.drawFocus()
  }

  drawFocus() {
    this.overlay.removeAll()
    this.echart.getZr().refresh() // which removing does not ask for
    const k = this.shown.indexOf(this.focused)
    this.container.dataset.focused = k < 0 ? '' : this.data.get('point', this.focused)
    if (k < 0) return
    const x = this.pixels[2 * k],
      y = this.pixels[2 * k + 1],
      { ink } = theme()
    const bottom = this.frame.top + this.frame.height
    const end = (name) =>
      Math.max(this.frame.top, Math.min(bottom, this.py(this.errorToY(this.data.get(name, this.focused)))))
    const add = (Shape, shape, style) => this.overlay.add(new Shape({ shape, style, silent: true, zlevel: 1 }))
    const { Circle, Line } = echarts.graphic
    const style = { stroke: ink, lineWidth: 1.6, fill: 'none' }
    add(Line, { x1: x, y1: end('error_lo'), x2: x, y2: end('error_hi') }, style)
    for (const name of ['error_lo', 'error_hi'])
      add(Line, { x1: x - 5, y1: end(name), x2: x + 5, y2: end(name) }, style)
    add(Circle, { cx: x, cy: y, r: 9 }, { ...style, lineWidth: 2 })
  }

  // Pointer.

  /** Marks within reach of a pixel, nearest first, each with its distance. */
  near(x, y) {
    const found = []
    for (let u = -1; u <= 1; u++) {
      for (let v = -1; v <= 1; v++) {
        for (const k of this.squares?.get(`${Math.floor(x / reach) + u} ${Math.floor(y / reach) + v}`) ?? []) {
          const distance = Math.hypot(this.pixels[2 * k] - x, this.pixels[2 * k + 1] - y)
          if (distance <= reach) found.push({ i: this.shown[k], k, distance })
        }
      }
    }
    return found.sort((a, b) => a.distance - b.distance)
  }

  /** The nearest mark and those it covers. */
  under(x, y) {
    const [nearest, ...others] = this.near(x, y)
    if (!nearest) return []
    const covered = others.filter(
      ({ k }) =>
        Math.hypot(
          this.pixels[2 * k] - this.pixels[2 * nearest.k],
          this.pixels[2 * k + 1] - this.pixels[2 * nearest.k + 1],
        ) < 2,
    )
    return [nearest.i, ...covered.map(({ i }) => i)]
  }

  showTooltip(i, also) {
    const k = this.shown.indexOf(i)
    if (k < 0) return this.hideTooltip()
    this.tooltip.replaceChildren(card(this.data, i, also))
    this.tooltip.hidden = false
    const x = this.pixels[2 * k],
      y = this.pixels[2 * k + 1]
    const { clientWidth: width, clientHeight: height } = this.container
    const right = x + 18 + this.tooltip.offsetWidth <= width || x < width / 2
    this.tooltip.style.left = `${right ? x + 18 : x - 18 - this.tooltip.offsetWidth}px`
    const lowest = Math.max(0, height - this.tooltip.offsetHeight)
    this.tooltip.style.top = `${Math.min(Math.max(0, y - this.tooltip.offsetHeight / 2), lowest)}px`
  }

  hideTooltip() {
    this.tooltip.hidden = true
  }

  listen() {
    const zr = this.echart.getZr()
    let drag = null,
      turn = { key: '', count: 0 }
    zr.on('mousedown', (event) => {
      drag = { x: event.offsetX, y: event.offsetY, view: { ...this.view }, moved: false }
    })
    zr.on('mousemove', (event) => {
      if (drag && event.event.buttons === 0) drag = null
      if (drag) {
        const dx = event.offsetX - drag.x,
          dy = event.offsetY - drag.y
        if (!drag.moved && Math.hypot(dx, dy) < 5) return
        drag.moved = true
        this.hideTooltip()
        const right = (dx / this.frame.width) * (drag.view.x1 - drag.view.x0),
          up = (dy / this.frame.height) * (drag.view.y1 - drag.view.y0)
        this.window = {
          x0: drag.view.x0 - right,
          x1: drag.view.x1 - right,
          y0: drag.view.y0 + up,
          y1: drag.view.y1 + up,
        }
        this.drawSoon()
        return
      }
      const under = this.under(event.offsetX, event.offsetY)
      zr.setCursorStyle(under.length ? 'pointer' : 'default')
      if (under.length === 0) {
        this.hideTooltip()
        this.onHover(-1)
      } else {
        this.onHover(under[0])
        this.showTooltip(under[0], under.slice(1))
      }
    })
    zr.on('mouseup', (event) => {
      const moved = drag?.moved
      drag = null
      if (moved) return
      const under = this.under(event.offsetX, event.offsetY)
      if (under.length === 0) return
      // Clicking again goes on to what lies beneath.
      const key = under.join()
      turn = key === turn.key ? { key, count: turn.count + 1 } : { key, count: 0 }
      const i = under[turn.count % under.length]
      this.onSelect(i)
      this.showTooltip(
        i,
        under.filter((other) => other !== i),
      )
    })
    zr.on('globalout', () => {
      this.hideTooltip()
      this.onHover(-1)
    })
    this.canvas.addEventListener(
      'wheel',
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return // the page scrolls
        event.preventDefault()
        this.zoom(Math.exp(event.deltaY / 300), event.offsetX, event.offsetY)
      },
      { passive: false },
    )
  }

  drawSoon() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null
      this.draw()
    })
  }

  /** Spans `factor` of what is in view, around a pixel (the middle by default). */
  zoom(factor, x = this.frame.left + this.frame.width / 2, y = this.frame.top + this.frame.height / 2) {
    this.hideTooltip()
    const { x0, x1, y0, y1 } = this.view
    const u = x0 + ((x - this.frame.left) / this.frame.width) * (x1 - x0),
      v = y1 - ((y - this.frame.top) / this.frame.height) * (y1 - y0)
    this.window = {
      x0: u + (x0 - u) * factor,
      x1: u + (x1 - u) * factor,
      y0: v + (y0 - v) * factor,
      y1: v + (y1 - v) * factor,
    }
    this.drawSoon()
  }

  unzoom() {
    this.window = null
    this.hideTooltip()
    this.drawSoon()
  }

  /** The next mark by memory, then error, from a point; `step` is 1 or -1. */
  neighbour(i, step) {
    this.order ??= [...this.shown].sort((a, b) => this.x(a) - this.x(b) || this.y(a) - this.y(b) || a - b)
    const { order } = this
    if (order.length === 0) return -1
    const place = order.indexOf(i)
    return place < 0
      ? order[step > 0 ? 0 : order.length - 1]
      : order[Math.min(order.length - 1, Math.max(0, place + step))]
  }

  /** Where a point is, in pixels of the chart; null when it has no mark. */
  pixelOf(i) {
    const k = this.shown.indexOf(i)
    return k < 0 ? null : [this.pixels[2 * k], this.pixels[2 * k + 1]]
  }
}

/** Height (pixels, downwards) of a falling curve at x: flat to its left, at the bottom to its right. */
function heightAt(points, x, bottom) {
  if (x <= points[0][0]) return points[0][1]
  if (x > points.at(-1)[0]) return bottom
  let low = 0,
    high = points.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (points[middle][0] < x) low = middle
    else high = middle
  }
  const [[xa, ya], [xb, yb]] = [points[low], points[high]]
  return xb > xa ? ya + ((yb - ya) * (x - xa)) / (xb - xa) : yb
}

/** Ticks at powers of the base, at most `most` with labels; within few powers also at 2 and 5 times a power of ten. */
function ticks(low, high, base, most) {
  const stride = Math.max(1, Math.ceil((high - low) / Math.max(2, most)))
  const marks = []
  for (let k = Math.ceil(low); k <= high; k++) {
    marks.push({ at: k, label: k % stride === 0 ? powerText(base, k) : '' })
  }
  if (base === 10 && (high - low) * 3 <= most) {
    for (let k = Math.floor(low); k <= high; k++) {
      for (const times of [2, 5]) {
        const at = k + Math.log10(times)
        if (at > low && at < high) marks.push({ at, label: powerText(10, k, times) })
      }
    }
  } else if ((high - low) * 8 <= most) {
    return finerTicks(low, high, base)
  }
  return marks.sort((a, b) => a.at - b.at)
}

function powerText(base, power, times = 1) {
  if (base === 2) return power < 0 ? `1/${2 ** -power}` : String(2 ** power)
  const value = times * base ** power
  return value >= 1e6 || value < 1e-4
    ? `${times === 1 ? '' : `${times}·`}10${superscript(power)}`
    : String(Number(value.toPrecision(6)))
}

const superscript = (power) => [...String(power)].map((c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[c])).join('')

/** Far zoomed in: round values evenly spaced. */
function finerTicks(low, high, base) {
  return linearTicks(base ** low, base ** high, 8)
    .filter(({ at }) => at > 0)
    .map(({ at, label }) => ({ at: Math.log(at) / Math.log(base), label }))
}

function linearTicks(low, high, most) {
  const rough = (high - low) / Math.max(2, most),
    power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * power).find((candidate) => candidate >= rough)
  const marks = []
  for (let k = Math.ceil(low / step); k * step <= high; k++)
    marks.push({ at: k * step, label: String(Number((k * step).toPrecision(6))) })
  return marks
}

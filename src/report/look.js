// Colours and markers: those of experiments/figures/style.py, so that a scheme looks the same on paper and here.

import { svg } from './dom.js'

// Okabe and Ito without yellow; in the dark, blue and black are lightened.
const palettes = {
  light: ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#56B4E9', '#E69F00', '#000000'],
  dark: ['#4aa3df', '#ee7733', '#1fbf92', '#dd93bb', '#8fd0f5', '#f0b429', '#f2f2f2'],
}

const known = {
  bitpack: [0, 0],
  uniform: [1, 1],
  streaming_llm: [2, 2],
  h2o: [3, 4],
  kivi: [4, 3],
  exact: [6, 9],
  rate_distortion: [5, 5],
  ecsq: [3, 5],
  kmeans: [2, 7],
  subgen: [4, 0],
  subgen_sn: [4, 8],
  subgen_kcenter: [4, 9],
  gear: [0, 5],
  less: [1, 3],
  loma: [0, 3],
  loma_lossless: [5, 6],
  prefixkv: [1, 4],
  lorc: [0, 9],
  abc: [5, 2],
  diffrate: [1, 9],
  tem: [4, 2],
  l11: [6, 2],
  shared_x: [6, 3],
}

const star = Array.from({ length: 10 }, (_, k) => {
  const r = k % 2 ? 0.5 : 1.25
  return [r * Math.sin((k * Math.PI) / 5), -r * Math.cos((k * Math.PI) / 5)]
})
const plus = [
  [-0.36, -1],
  [0.36, -1],
  [0.36, -0.36],
  [1, -0.36],
  [1, 0.36],
  [0.36, 0.36],
  [0.36, 1],
  [-0.36, 1],
  [-0.36, 0.36],
  [-1, 0.36],
  [-1, -0.36],
  [-0.36, -0.36],
]
const turned = (points) => points.map(([x, y]) => [(x - y) * 0.75, (x + y) * 0.75])

// Corners in units of the radius, y downwards; null is a circle. In the order of matplotlib's o s ^ D v P X < > *.
const outlines = [
  null,
  [
    [-0.88, -0.88],
    [0.88, -0.88],
    [0.88, 0.88],
    [-0.88, 0.88],
  ],
  [
    [0, -1.1],
    [1.05, 0.85],
    [-1.05, 0.85],
  ],
  [
    [0, -1.15],
    [1.15, 0],
    [0, 1.15],
    [-1.15, 0],
  ],
  [
    [0, 1.1],
    [-1.05, -0.85],
    [1.05, -0.85],
  ],
  plus,
  turned(plus),
  [
    [-1.1, 0],
    [0.85, -1.05],
    [0.85, 1.05],
  ],
  [
    [1.1, 0],
    [-0.85, 1.05],
    [-0.85, -1.05],
  ],
  star,
]

/** Colour (of the palette) and marker of a scheme: fixed for known names, a function of the name for others. */
export function lookOf(scheme) {
  if (Object.hasOwn(known, scheme)) return { colour: known[scheme][0], marker: known[scheme][1] }
  let number = 2166136261
  for (const character of scheme) number = Math.imul(number ^ character.codePointAt(0), 16777619) >>> 0
  return { colour: number % 7, marker: Math.floor(number / 7) % 10 }
}

/** Traces one marker. A tail to the left marks stored keys: the values alone would be further left. */
export function traceMarker(context, marker, x, y, r, { tail = false, arrow = false } = {}) {
  const corners = outlines[marker]
  if (corners === null) {
    context.moveTo(x + r, y)
    context.arc(x, y, r, 0, 2 * Math.PI)
  } else {
    corners.forEach(([u, v], k) => (k ? context.lineTo(x + u * r, y + v * r) : context.moveTo(x + u * r, y + v * r)))
    context.closePath()
  }
  if (tail) {
    context.moveTo(x - r, y)
    context.lineTo(x - 2.4 * r, y)
  }
  if (arrow) {
    context.moveTo(x, y + 1.2 * r)
    context.lineTo(x, y + 2.6 * r)
    context.moveTo(x - 0.5 * r, y + 2 * r)
    context.lineTo(x, y + 2.6 * r)
    context.lineTo(x + 0.5 * r, y + 2 * r)
  }
}

/** The colours of the page, as its style sheet has them now. */
export function theme() {
  const style = getComputedStyle(document.documentElement)
  const of = (name) => style.getPropertyValue(`--${name}`).trim()
  return {
    palette: palettes[matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'],
    background: of('surface'),
    ink: of('ink'),
    muted: of('muted'),
    grid: of('line'),
    forbidden: of('forbidden'),
  }
}

/** A marker of a scheme as a small drawing, for lists. */
export function swatch(scheme, { hollow = false, tail = false } = {}) {
  const { colour, marker } = lookOf(scheme)
  const commands = []
  const recorder = {
    moveTo: (x, y) => commands.push(`M${x} ${y}`),
    lineTo: (x, y) => commands.push(`L${x} ${y}`),
    arc: (x, y, r) => commands.push(`A${r} ${r} 0 1 1 ${x - r} ${y}A${r} ${r} 0 1 1 ${x + r} ${y}`),
    closePath: () => commands.push('Z'),
  }
  traceMarker(recorder, marker, tail ? 14 : 8, 8, 4.6, { tail })
  const paint = theme().palette[colour]
  return svg(
    'svg',
    { class: 'swatch', width: tail ? 21 : 16, height: 16, 'aria-hidden': 'true' },
    svg('path', { d: commands.join(''), fill: hollow ? 'none' : paint, stroke: paint, 'stroke-width': 1.4 }),
  )
}

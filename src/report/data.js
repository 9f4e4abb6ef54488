// The data that `kvfrontier report` wrote into the page: one value a point in every column.

/**
 * @typedef {{name: string, meaning: string, measured: boolean}} Column
 * @returns {{page: object, count: number, columns: Column[], get: (name: string, i: number) => any}}
 */
export function readData(text) {
  const page = JSON.parse(text)
  const columns = new Map()
  for (const column of page.points.columns) {
    const { of, at, each } = column
    columns.set(column.name, each ? (i) => each[i] : (i) => of[at[i]])
  }
  const nothing = () => null
  return {
    page,
    count: page.points.count,
    columns: page.points.columns.map(({ name, meaning, measured }) => ({ name, meaning, measured })),
    get: (name, i) => (columns.get(name) ?? nothing)(i),
  }
}

/** Distinct values of a column: numbers in their order, then text in its. */
export function distinct(data, name) {
  const values = new Set()
  for (let i = 0; i < data.count; i++) values.add(data.get(name, i))
  values.delete(null)
  return [...values].sort(compare)
}

/** Numbers before text, both ascending. */
export function compare(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'number') return -1
  if (typeof b === 'number') return 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** Integers in full, other numbers to six digits, nothing as a dash. */
export function text(value) {
  if (value === null || value === undefined || value === '') return '–'
  if (typeof value !== 'number') return String(value)
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))
}

/** Errors as `kvfrontier table` writes them. */
export function errorText(value) {
  return value === null ? '–' : value.toFixed(5)
}

// The page of `kvfrontier report` in a real, headless Chromium: what it shows, that it asks for nothing, and that
// records cannot put markup into it. Screenshots go to the folder named by SCREENSHOTS, for readers.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'

const program = process.env.KVFRONTIER,
  madeUp = process.env.MADE_UP_RECORDS,
  source = process.env.SOURCE
const screenshots = process.env.SCREENSHOTS
const executablePath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path && existsSync(path))
const folder = mkdtempSync(join(tmpdir(), 'kvfrontier-browser-'))

const run = (command, ...words) =>
  execFileSync(command, words, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] })

/** Reports directories; returns the address of the page. */
function report(name, ...directories) {
  const file = join(folder, `${name}.html`)
  run(program, 'report', ...directories, '--out', file)
  return pathToFileURL(file).href
}

let browser, sweep, table
before(async () => {
  assert.ok(executablePath, 'no Chromium: .ci/install-dependencies report installs it, CHROMIUM names another')
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  const config = join(folder, 'config.json')
  writeFileSync(
    config,
    JSON.stringify({
      experiment: 'index_frontier',
      seed: 7,
      queries: 64,
      stop: { min_trials: 4, max_trials: 4 },
      grid: [
        {
          n: 8,
          d: [16, 32],
          embedding: ['sphere', 'rademacher'],
          rate: [0.25, 0.5, 1, 2, 4],
          scheme: [
            'bitpack',
            'rate_distortion',
            { name: 'uniform', keys: 'public' },
            { name: 'uniform', keys: 'stored' },
            { name: 'h2o', keys: 'public' },
          ],
        },
        { n: 8, d: 16, instance: 'gaussian_values', rate: [1, 2], scheme: 'ecsq' },
      ],
    }),
  )
  sweep = join(folder, 'sweep')
  run(program, 'run', config, '--out', sweep, '--quiet')
  table = JSON.parse(run(program, 'table', sweep, '--format', 'json'))
  assert.ok(table.length > 80)
})
after(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Opens a page; whatever it complains of or asks for beyond itself fails the test at `close`. */
async function open(address, settings = {}) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, ...settings })
  const complaints = [],
    requests = []
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => requests.push(request.url()))
  await page.goto(address)
  await page.waitForFunction(() => window.kvfrontier !== undefined)
  page.finish = async () => {
    assert.deepEqual(complaints, [])
    assert.deepEqual(
      requests.filter((url) => url !== address && !url.startsWith('data:')),
      [],
    )
    await page.close()
  }
  return page
}

const marks = (page) => page.$eval('#plot', (plot) => Number(plot.dataset.marks))
/**
 * What a layer of the chart (0: all marks, 1: the ring) shows from the line `top` on (negative: from the bottom):
 * a hash, the mean lightness of what is drawn, and whether anything is.
 */
const look = (page, { top = 0, layer = 0 } = {}) =>
  page.$$eval(
    '#plot canvas',
    async (canvases, { from, layer }) => {
      const canvas = canvases[layer]
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame)
      const copy = document.createElement('canvas')
      Object.assign(copy, { width: canvas.width, height: canvas.height })
      const context = copy.getContext('2d', { willReadFrequently: true })
      context.drawImage(canvas, 0, 0)
      const first = from < 0 ? canvas.height + from : from
      const { data } = context.getImageData(0, first, canvas.width, canvas.height - first)
      let hash = 0,
        sum = 0,
        weight = 0
      for (let k = 0; k < data.length; k += 4) {
        for (let c = 0; c < 4; c++) hash = (Math.imul(hash, 31) + data[k + c]) | 0
        sum += data[k + 3] * (data[k] + data[k + 1] + data[k + 2])
        weight += data[k + 3] * 3 * 255
      }
      return { hash, lightness: sum / weight, drawn: weight > 0 }
    },
    { from: top, layer },
  )
const picture = async (page) => (await look(page)).hash
async function shoot(page, name) {
  if (!screenshots) return
  mkdirSync(screenshots, { recursive: true })
  await page.screenshot({ path: join(screenshots, `${name}.png`) })
}
const drawn = (point) => point.trials > 0 && point.error !== null
const choose = (page, name, label) => page.selectOption(`#filter-${name}`, { label: String(label) })

/** Moves the pointer to where a point is drawn and returns the tooltip's text. */
async function hover(page, point) {
  const box = await page.locator('#plot .canvas').boundingBox()
  const [x, y] = await page.evaluate((id) => window.kvfrontier.pixelOf(id), point)
  await page.mouse.move(box.x + 3, box.y + 3)
  await page.mouse.move(box.x + x, box.y + y)
  return page.locator('.tooltip').innerText()
}

test('the page starts with the largest setting, and filters change the marks', async () => {
  const page = await open(report('sweep', sweep))
  const first = await marks(page)
  assert.equal(
    first,
    table.filter((p) => drawn(p) && p.n === 8 && p.d === 32 && p.embedding === 'sphere' && p.instance === 'index')
      .length,
  )
  const before = await picture(page)

  await page.click('#show-all')
  assert.equal(await marks(page), table.filter(drawn).length)
  assert.notEqual(await picture(page), before)
  for (const [name, value] of Object.entries({
    n: 8,
    d: 16,
    embedding: 'rademacher',
    instance: 'index',
    keys: 'stored',
  })) {
    await choose(page, name, value)
    assert.equal(
      await marks(page),
      table.filter(
        (p) =>
          drawn(p) &&
          [
            ['n', 8],
            ['d', 16],
            ['embedding', 'rademacher'],
            ['instance', 'index'],
            ['keys', 'stored'],
          ]
            .slice(0, ['n', 'd', 'embedding', 'instance', 'keys'].indexOf(name) + 1)
            .every(([key, wanted]) => p[key] === wanted),
      ).length,
    )
  }
  await page.click('#show-all')
  await page.locator('.legend label', { hasText: 'bitpack' }).locator('input').uncheck()
  assert.equal(await marks(page), table.filter((p) => drawn(p) && p.scheme !== 'bitpack').length)
  await page.fill('#filter-text', 'uniform')
  assert.equal(await marks(page), table.filter((p) => drawn(p) && p.scheme === 'uniform').length)

  // The axes: what is drawn differs, and which points are does not.
  const log = await picture(page)
  await page.selectOption('#y-axis', 'linear')
  assert.notEqual(await picture(page), log)
  await page.selectOption('#x-axis', 'message_bits')
  assert.equal(await marks(page), table.filter((p) => drawn(p) && p.scheme === 'uniform').length)
  await page.finish()
})

test('hover shows the numbers of the table, and every parameter', async () => {
  const page = await open(report('sweep', sweep))
  await choose(page, 'embedding', 'sphere')
  const records = readFileSync(join(sweep, 'records.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const points = table.filter((p) => drawn(p) && p.d === 32 && p.embedding === 'sphere' && p.instance === 'index')
  assert.ok(points.length > 15)
  for (const point of points) {
    await page.fill('#filter-text', point.point) // alone: of several points at one place the tooltip shows one
    assert.equal(await marks(page), 1)
    const text = await hover(page, point.point)
    for (const part of [
      point.scheme,
      point.error.toFixed(5),
      `[${point.error_lo.toFixed(5)}, ${point.error_hi.toFixed(5)}]`,
      `${point.message_bits} bits`,
      `${point.floor_bits} bits (finite)`,
      String(Number(point.gap.toPrecision(4))),
    ])
      assert.ok(text.includes(part), `${part} in ${text}`)
    const { parameters } = records.find((record) => record.point === point.point)
    const shown = new Map([...text.matchAll(/^(\w+)\s+(\S.*)$/gm)].map(([, name, value]) => [name, value]))
    const renamed = { tau: 'tau_rule', rate: 'rate_budget' }
    for (const [name, value] of Object.entries({
      ...parameters,
      ...parameters.scheme.options,
      instance: parameters.instance.name,
    })) {
      if (name === 'scheme' || name.endsWith('_version') || value === null) continue
      assert.equal(
        shown.get(renamed[name] ?? name),
        typeof value === 'object' ? JSON.stringify(value) : String(value),
        name,
      )
    }
  }
  await page.fill('#filter-text', '')
  assert.ok((await hover(page, points[0].point)).includes('bit error'))
  // The mark is ringed, on a canvas of its own, until the pointer leaves it.
  const ringed = async () => (await look(page, { layer: 1 })).drawn
  assert.equal(await ringed(), true)
  const box = await page.locator('#plot .canvas').boundingBox()
  await page.mouse.move(box.x + 3, box.y + 3)
  assert.equal(await page.locator('.tooltip').isVisible(), false)
  assert.equal(await ringed(), false)
  await page.finish()
})

test('the table sorts, and the keyboard reaches everything', async () => {
  const page = await open(report('sweep', sweep))
  await page.click('#show-all')
  const errors = () => page.$$eval('#table tbody tr', (rows) => rows.map((row) => row.cells[7].textContent))
  await page.click('#table th:has-text("error") button')
  const ascending = await errors()
  assert.deepEqual(
    ascending,
    table
      .map((p) => p.error)
      .sort((a, b) => (a === null) - (b === null) || a - b)
      .map((e) => (e === null ? '–' : e.toFixed(5)))
      .slice(0, ascending.length),
  )
  await page.click('#table th:has-text("error") button')
  assert.equal((await errors())[0], Math.max(...table.map((p) => p.error ?? 0)).toFixed(5))
  assert.equal(await page.$eval('#table th[aria-sort]', (head) => head.getAttribute('aria-sort')), 'descending')

  // Every filter is a stop of the Tab key.
  await page.evaluate(() => document.activeElement.blur())
  const stops = new Set()
  for (let k = 0; k < 80; k++) {
    await page.keyboard.press('Tab')
    stops.add(
      await page.evaluate(() => {
        const node = document.activeElement
        return node.matches('#filters .legend input')
          ? node.closest('label').querySelector('.name').textContent
          : node.matches('#table tbody tr')
            ? 'row'
            : node.id
      }),
    )
  }
  for (const stop of [
    'filter-n',
    'filter-d',
    'filter-embedding',
    'filter-instance',
    'filter-keys',
    'filter-text',
    'bitpack',
    'uniform',
    'h2o',
    'x-axis',
    'y-axis',
    'plot',
    'row',
  ])
    assert.ok(stops.has(stop), `${stop} in ${[...stops]}`)

  // A row shows its mark and its numbers.
  await page.focus('#table tbody tr')
  for (let k = 0; k < 3; k++) {
    await page.keyboard.press('ArrowDown')
    const id = await page.evaluate(() => document.activeElement.dataset.point)
    const point = table.find((p) => p.point === id)
    if (drawn(point)) assert.equal(await page.$eval('#plot', (plot) => plot.dataset.focused), id)
    const text = await page.locator('#details').innerText()
    assert.ok(text.includes(`--point ${id}`))
    if (drawn(point)) assert.ok(text.includes(point.error.toFixed(5)))
  }
  // So does walking through the chart.
  await page.keyboard.press('Escape')
  await page.focus('#plot')
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowRight')
  const focused = await page.$eval('#plot', (plot) => plot.dataset.focused)
  assert.ok(table.some((p) => p.point === focused))
  assert.ok(
    (await page.locator('.tooltip').innerText()).includes(table.find((p) => p.point === focused).error.toFixed(5)),
  )
  await page.finish()
})

test('claims with verdicts, and provenance', async () => {
  const reference = join(source, 'results/reference/verify-quick')
  const page = await open(report('claims', reference))
  // A refuted claim makes verify exit 1, and its verdicts are printed all the same.
  let verdicts
  try {
    verdicts = JSON.parse(run(program, 'verify', '--from', reference, '--json'))
  } catch (failed) {
    verdicts = JSON.parse(failed.stdout)
  }
  const shown = await page.$$eval('.claim', (items) =>
    items.map((item) => [item.querySelector('.name').textContent, item.dataset.outcome]),
  )
  const known = new Map(verdicts.map((verdict) => [verdict.claim, verdict.outcome]))
  assert.ok(shown.length > 25)
  for (const [name, outcome] of shown) assert.equal(outcome, known.get(name), name)
  await page.locator('.claim summary').first().click()
  const opened = page.locator('.claim[open]').first()
  await opened.getByText('refuted by').first().waitFor() // the toggle event comes a moment after the click
  assert.match(await opened.innerText(), /prediction[\s\S]*allowance[\s\S]*refuted by/)
  await page.locator('#provenance tbody button').first().click()
  assert.ok('experiment' in JSON.parse(await page.locator('#provenance pre').textContent()).config)
  assert.match(await page.locator('#provenance table').innerText(), /[0-9a-f]{12}/)
  await page.finish()
})

test('a hostile name in the records stays text', async () => {
  const records = join(folder, '<b onclick=hacked()>records')
  run(madeUp, 'hostile', records)
  const page = await open(report('hostile', records))
  await page.click('#show-all')
  assert.equal(await marks(page), 12)
  for (const id of await page.$$eval('#table tbody tr', (list) => list.map((row) => row.dataset.point))) {
    assert.ok((await hover(page, id)).length > 100)
    await page.focus(`#table tr[data-point="${id}"]`)
  }
  await page.locator('#provenance tbody button').first().click()
  assert.ok((await page.locator('.legend').innerText()).includes('<img src=x onerror="window.hacked=1"></script>'))
  const found = await page.evaluate(() => ({
    hacked: window.hacked,
    scripts: document.scripts.length,
    foreign: document.querySelectorAll('img, b, iframe, [onerror], [onclick]').length,
  }))
  assert.deepEqual(found, { hacked: undefined, scripts: 1, foreign: 0 })
  await page.finish()
})

test('dark mode', async () => {
  const address = report('sweep', sweep)
  /** Mean luminance of what is drawn, and of the ground it is drawn on. */
  const lightness = async (page) => {
    const { lightness: ink } = await look(page, { top: -40 }) // labels of the axis
    const colour = await page.$eval('#plot', (plot) => getComputedStyle(plot).backgroundColor)
    const [r, g, b] = colour.match(/\d+/g).map(Number)
    return { ink, ground: (r + g + b) / 765 }
  }
  for (const scheme of ['light', 'dark']) {
    const page = await open(address, { colorScheme: scheme })
    const { ink, ground } = await lightness(page)
    assert.ok(
      scheme === 'dark' ? ink > 0.5 && ground < 0.2 : ink < 0.5 && ground > 0.8,
      `${scheme}: ink ${ink}, ground ${ground}`,
    )
    await shoot(page, scheme)
    // It follows while the page is open.
    await page.emulateMedia({ colorScheme: scheme === 'dark' ? 'light' : 'dark' })
    let other = ink
    for (let k = 0; k < 100 && Math.abs(other - ink) < 0.2; k++) other = (await lightness(page)).ink
    assert.ok(Math.abs(other - ink) > 0.2, `${ink} then ${other}`)
    await page.finish()
  }
})

test('a narrow window shows all parts', async () => {
  const page = await open(report('sweep', sweep), { viewport: { width: 420, height: 800 } })
  assert.ok((await marks(page)) > 0)
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
  await shoot(page, 'narrow')
  await page.finish()
})

test('50,000 points', async (context) => {
  const records = join(folder, 'many')
  run(madeUp, 'many', records)
  const address = report('many', records)
  const start = performance.now()
  const page = await open(address)
  await page.click('#show-all')
  assert.equal(await marks(page), 50_000)
  const timed = async (what, action) => {
    const from = performance.now()
    await action()
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))))
    context.diagnostic(`${what}: ${Math.round(performance.now() - from)} ms`)
  }
  context.diagnostic(`loaded and all shown: ${Math.round(performance.now() - start)} ms`)
  await shoot(page, 'many')
  await timed('filter', () => choose(page, 'd', 64))
  const some = await marks(page)
  assert.ok(some > 0 && some < 50_000)
  await timed('all again', () => page.click('#show-all'))
  await timed('hover', async () => {
    const box = await page.locator('#plot .canvas').boundingBox()
    const id = await page.$eval('#table tbody tr', (row) => row.dataset.point)
    const [x, y] = await page.evaluate((point) => window.kvfrontier.pixelOf(point), id)
    await page.mouse.move(box.x + x, box.y + y)
    assert.match(await page.locator('.tooltip').innerText(), /bit error/)
  })
  await timed('sort', () => page.click('#table th:has-text("gap") button'))
  await timed('next page', () => page.click('.pager button:has-text("next")'))
  assert.match(await page.locator('.pager').innerText(), /101–200 of 50000/)
  await timed('zoom', () => page.click('#zoom-in'))
  await page.finish()
})

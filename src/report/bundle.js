// Makes the one file of the page: node bundle.js OUTPUT, run where node_modules is.
//
// Everything is inline. The policy allows this very script, by its hash, and no other, and no connection at all:
// whatever got into the records could neither run nor send anything.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const bundled = await build({
  entryPoints: [join(here, 'main.js')],
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  target: 'es2022',
  legalComments: 'none',
  charset: 'utf8',
  define: { 'process.env.NODE_ENV': '"production"' },
})
const style = await build({ entryPoints: [join(here, 'style.css')], minify: true, write: false })
// In an inline script neither may appear as it is, even within a string.
const script = bundled.outputFiles[0].text.trim().replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
const hash = createHash('sha256').update(script).digest('base64')
const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; img-src data:`
const notice = readFileSync(join(here, 'node_modules/echarts/NOTICE'), 'utf8').trim().split('\n').slice(0, 2).join(', ')
const head = [
  '<meta charset="utf-8" />',
  `<meta http-equiv="Content-Security-Policy" content="${policy}" />`,
  `<!-- With ${notice}, under the Apache License 2.0 -->`,
].join('\n')
let page = readFileSync(join(here, 'index.html'), 'utf8')
for (const [place, text] of [
  ['<meta charset="utf-8" />', head],
  ['<style></style>', `<style>${style.outputFiles[0].text.trim()}</style>`],
  ['<script></script>', `<script>${script}</script>`],
]) {
  // A page without its policy would look the same.
  if (page.split(place).length !== 2) throw new Error(`index.html must contain ${place} exactly once`)
  page = page.replace(place, () => text)
}
writeFileSync(process.argv[2], page)

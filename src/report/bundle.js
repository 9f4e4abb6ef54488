// Makes the one file of the page: node bundle.js OUTPUT, run where node_modules is.
//
// Everything is inline. The policy allows this very script, by its hash, and no other; and no connection at all: whatever
// got into the rows could neither run nor send anything.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const bundled = await build({
  entryPoints: [join(here, 'main.js')], bundle: true, minify: true, write: false, format: 'iife', target: 'es2022', legalComments: 'none', charset: 'utf8',
  define: { 'process.env.NODE_ENV': '"production"' },
})
const style = await build({ entryPoints: [join(here, 'style.css')], minify: true, write: false })
// In an inline script neither may stand as it is, even within a string.
const script = bundled.outputFiles[0].text.trim().replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
const hash = createHash('sha256').update(script).digest('base64')
const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; img-src data:`
const notice = readFileSync(join(here, 'node_modules/echarts/NOTICE'), 'utf8').trim().split('\n').slice(0, 2).join(', ')
const page = readFileSync(join(here, 'index.html'), 'utf8')
  .replace('<meta charset="utf-8">', () => `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${policy}">\n<!-- With ${notice}, under the Apache License 2.0 -->`)
  .replace('<style></style>', () => `<style>${style.outputFiles[0].text.trim()}</style>`)
  .replace('<script></script>', () => `<script>${script}</script>`)
writeFileSync(process.argv[2], page)

// Who measured the records, with what, and how this page was made.

import { compare, text } from './data.js'
import { element } from './dom.js'
import { shellWord } from './details.js'

const shortCommit = (session) =>
  session.commit ? session.commit.slice(0, 12) + (session.dirty ? ' (dirty)' : '') : '–'

export function showProvenance(container, page) {
  const command = `kvfrontier report ${page.arguments.map(shellWord).join(' ')}`
  container.append(
    element(
      'p',
      {},
      `${page.records} records from ${page.directories.join(', ')}. Written by kvfrontier ${page.version}: `,
      element('code', { class: 'command' }, command),
    ),
  )
  const heads = [
    'session',
    'records',
    'started',
    'commit',
    'compiler',
    'kernel',
    'processor',
    'host',
    'threads',
    'isolation',
  ]
  const numeric = new Set(['records', 'threads'])
  const side = (head) => (numeric.has(head) ? null : 'left')
  const config = element('pre', { id: 'config', tabindex: 0, hidden: true })
  const sessions = [...page.sessions].sort((a, b) => compare(a.started ?? '', b.started ?? ''))
  const rows = sessions.map((session) => {
    const show = element(
      'button',
      {
        type: 'button',
        'aria-controls': 'config',
        onclick: () => {
          const { flags, libraries, config: run } = session
          config.textContent = JSON.stringify({ session: session.session, flags, libraries, config: run }, null, 1)
          config.hidden = false
          config.scrollIntoView({ block: 'nearest' })
        },
      },
      session.session,
    )
    const values = [
      show,
      session.records,
      session.started,
      shortCommit(session),
      session.compiler,
      session.kernel,
      session.cpu,
      session.host,
      session.threads,
      session.isolation,
    ]
    return element(
      'tr',
      {},
      ...values.map((value, k) =>
        element('td', { class: side(heads[k]) }, value instanceof Node ? value : text(value)),
      ),
    )
  })
  container.append(
    element('p', { class: 'muted' }, 'A session is one run; its button shows config, flags and libraries.'),
    element(
      'div',
      { class: 'scroll' },
      element(
        'table',
        {},
        element(
          'thead',
          {},
          element('tr', {}, ...heads.map((head) => element('th', { scope: 'col', class: side(head) }, head))),
        ),
        element('tbody', {}, ...rows),
      ),
    ),
    config,
  )
}

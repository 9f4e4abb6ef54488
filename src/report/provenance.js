// Who measured the rows, with what, and how this page was made.

import { element } from './dom.js'
import { shellWord } from './details.js'

const shortCommit = (session) => (session.commit ? session.commit.slice(0, 12) + (session.dirty ? ' (dirty)' : '') : '–')

export function showProvenance(container, page) {
  const command = `kvfrontier report ${page.arguments.map(shellWord).join(' ')}`
  container.append(element('p', {}, `${page.rows} rows from ${page.directories.join(', ')}. Written by kvfrontier ${page.version}: `, element('code', { class: 'command' }, command)))
  const heads = ['session', 'rows', 'started', 'commit', 'compiler', 'kernel', 'processor', 'host', 'threads', 'isolation']
  const rows = page.sessions.map((session) => element('tr', {}, ...[session.session, session.rows, session.started, shortCommit(session), session.compiler, session.kernel, session.cpu, session.host, session.threads, session.isolation]
    .map((value, k) => element('td', { class: k === 1 || k === 8 ? null : 'left' }, String(value ?? '–')))))
  container.append(element('div', { class: 'scroll' }, element('table', {},
    element('thead', {}, element('tr', {}, ...heads.map((head, k) => element('th', { scope: 'col', class: k === 1 || k === 8 ? null : 'left' }, head)))), element('tbody', {}, ...rows))))
  for (const session of page.sessions) {
    if (!session.config && !session.flags) continue
    const { config, flags, libraries } = session
    container.append(element('details', {}, element('summary', {}, `Config, flags and libraries of session ${session.session}`),
      element('pre', { tabindex: 0 }, JSON.stringify({ flags, libraries, config }, null, 1))))
  }
}

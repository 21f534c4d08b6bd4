/// <reference lib="dom" />
import { byId, el } from './dom.ts'
import type { Screen } from './store.ts'

const KEPT = 20

let announced = new Map<string, string>()
let announcedAs: string | undefined

/**
 * Announces new and changed messages to screen readers, using each message's text: reading the whole redrawn card would be
 * too long. Messages that existed when the person was chosen are not announced.
 */
export function announceNews(screen: Screen): void {
  const isFirst = announcedAs !== screen.as
  const now = new Map(screen.messages.map(({ key, text }) => [key, text]))
  if (!isFirst) {
    const log = byId('news')
    for (const { key, text, author, channel } of screen.messages) {
      if (announced.get(key) === text) continue
      const where = screen.channels.find(({ id }) => id === channel)
      const place = where?.kind === 'direct' ? 'direct message' : `#${where?.name ?? ''}`
      log.append(el('p', {}, `${author}, ${place}: ${text}`))
    }
    while (log.childElementCount > KEPT) log.firstElementChild?.remove()
  }
  announced = now
  announcedAs = screen.as
}

/// <reference lib="dom" />
import { byId, el } from './dom.ts'
import type { Screen } from './store.ts'

const KEPT = 20

let heard = new Map<string, string>()
let heardAs: string | undefined

/**
 * Tells a screen reader what has been said or has changed, in the sentence that each message carries for this: a card that is
 * drawn anew would be read out whole. What was there when one became this person is not told.
 */
export function tellNews(screen: Screen): void {
  const isFirst = heardAs !== screen.as
  const now = new Map(screen.messages.map(({ key, text }) => [key, text]))
  if (!isFirst) {
    const place = byId('news')
    for (const { key, text, author, channel } of screen.messages) {
      if (heard.get(key) === text) continue
      const where = screen.channels.find(({ id }) => id === channel)
      const said = where?.kind === 'direct' ? 'direct message' : `#${where?.name ?? ''}`
      place.append(el('p', {}, `${author}, ${said}: ${text}`))
    }
    while (place.childElementCount > KEPT) place.firstElementChild?.remove()
  }
  heard = now
  heardAs = screen.as
}

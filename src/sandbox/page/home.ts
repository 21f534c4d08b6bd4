/// <reference lib="dom" />
import { drawParts } from './controls.ts'
import { byId, el, refresh } from './dom.ts'
import { act, looking, redraw, type Screen } from './store.ts'

/** Whose Home is open: as in Slack, the app hears of it each time that it is opened. */
let openedFor: string | undefined

/** Opens Signoff's Home of the current person in place of the channel. */
export function openHome(): void {
  looking.home = true
  looking.thread = undefined
  openedFor = undefined
  redraw()
}

/** Draws the current person's Home while it is open. */
export function drawHome(screen: Screen): void {
  const place = byId('home')
  place.hidden = !looking.home
  document.body.classList.toggle('shows-home', looking.home)
  if (!looking.home) {
    openedFor = undefined
    return
  }
  byId('channel-name').textContent = 'Signoff: Home'
  if (openedFor !== looking.as && screen.as === looking.as) {
    openedFor = looking.as
    void act('home', {})
  }
  const { home } = screen
  const parts = home?.parts
  refresh(place, [screen.as, home?.id, parts], () =>
    parts === undefined
      ? [el('p', { class: 'empty' }, 'Signoff has not published a Home for this person yet.')]
      : drawParts(parts, (element, chosen, block) =>
          act('use', {
            action: element.action_id,
            block,
            ...(Array.isArray(chosen) ? { options: chosen } : chosen === undefined ? {} : { option: chosen }),
          }),
        ),
  )
}

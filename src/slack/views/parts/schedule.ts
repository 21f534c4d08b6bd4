/** When a release starts: in each reader's own time zone where Slack draws it, in the requester's in plain words. */
import type { RichTextElement } from '@slack/types'
import type { Schedule } from '../../../release/schedule.ts'
import { sayMoment } from '../../../release/typed-times.ts'
import { DATE_FORMATS, escaped, seconds } from './text.ts'

/** As it is stored in messages. */
export function scheduleOf({ at, timeZone }: { readonly at: string; readonly timeZone: string }): Schedule {
  return { at: new Date(at), timeZone }
}

/** For mrkdwn. Slack capitalises it: put it after a colon or a comma. */
export function startsAt({ at, timeZone }: Schedule): string {
  return `<!date^${seconds(at)}^${DATE_FORMATS.moment}|${escaped(sayMoment(at, timeZone))}>`
}

/** The same for rich text. */
export function richStartsAt({ at, timeZone }: Schedule): RichTextElement {
  return { type: 'date', timestamp: seconds(at), format: DATE_FORMATS.moment, fallback: sayMoment(at, timeZone) }
}

/** For `text`, dialogs and screen readers: `Thu 3 Dec 2026, 07:30 (Europe/Berlin)`. */
export function startsAtSpoken({ at, timeZone }: Schedule): string {
  return sayMoment(at, timeZone)
}

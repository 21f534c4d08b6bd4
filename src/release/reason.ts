/** The reason of a command: what follows the first `because`. No I/O. */
import { referenceAsSeen } from './typed-words.ts'

/** As many characters as a modal's field takes. */
export const MAX_REASON_LENGTH = 3000

/** The word stands alone: it is no part of a name, such as `because-of-x`. A colon or comma may follow it. */
const BECAUSE = /(?:^|[\s,;(])because(?=$|[\s:,])[\s:,]*/i

/** A command's text before the reason, and the reason as it was typed. */
export interface SplitReason {
  readonly before: string
  /** Absent: the text gives none. */
  readonly reason?: string
}

/**
 * Splits the text of a command at the first `because`. The reason keeps its case, commas and quotation marks; only Slack's
 * escapes are undone, and a mention or a link becomes the words that people see. Never throws.
 */
export function splitReason(text: string): SplitReason {
  const found = BECAUSE.exec(text)
  if (found === null) return { before: text }
  const before = text.slice(0, found.index)
  const reason = asSeen(text.slice(found.index + found[0].length)).trim()
  return reason === '' ? { before } : { before, reason: Array.from(reason).slice(0, MAX_REASON_LENGTH).join('') }
}

/** Slack's escapes undone (docs.slack.dev/messaging/formatting-message-text#escaping). */
function asSeen(text: string): string {
  return text
    .replace(/<[^<>]{0,1000}>/g, referenceAsSeen)
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/[^\P{C}\n\t]/gu, '')
}

/** Which of the messages that wait goes next. Decides only; nothing is sent or counted here. */
import type { Posting } from '../../release/ports/deliveries.ts'
import { hasEnded, type ReleaseState } from '../../release/terms.ts'
import type { Budget, Share, SlackCall } from '../budget.ts'

/** What a posting's try will call, for whom, and its place among those that wait: lower goes first. */
export interface Turn {
  readonly rank: number
  readonly share: Share
  readonly call: SlackCall
}

export interface CardPace {
  /** The least time between two updates of one card that show progress. A last state waits for nothing. */
  readonly progressEveryMs: number
  /** When the card of a release was updated last, and whether it showed progress. */
  readonly updated: (release: number) => Update | undefined
  /** When this posting was seen first. */
  readonly seenAt: (posting: number) => number
}

export interface Update {
  readonly at: number
  readonly isProgress: boolean
}

/** What changes at once is drawn as one. */
const TOGETHER_MS = 1_500

/** Shown at once: nothing follows by itself. */
const isLastState = (state: ReleaseState) => hasEnded(state) || state === 'needs attention'
/** Changes by itself within seconds; its thread has each step at once. */
export const isProgress = (state: ReleaseState) => state === 'approved' || state === 'running'

/**
 * The order: answers, announcements, outcomes and what the channel is told of no release; first cards and direct messages;
 * last states of cards; cards that wait for people; announcements that are edited; lines; progress on cards.
 */
export function turnOf(posting: Posting, channel: string): Turn {
  const { message, of } = posting
  const post = { method: 'chat.postMessage', channel }
  const update = { method: 'chat.update' }
  switch (message.kind) {
    case 'private':
      // Who has asked waits for the answer. Many may be reminded at once, and none of it is urgent by the second.
      return {
        rank: message.directMessage === undefined ? 1 : 2,
        share: 'people',
        call: { method: 'conversations.open' },
      }
    case 'announcement':
      return message.ended ? { rank: 5, share: 'progress', call: update } : { rank: 1, share: 'news', call: post }
    case 'outcome':
    case 'channel':
      return { rank: 1, share: 'news', call: post }
    case 'card':
      if (of?.card === undefined) return { rank: 2, share: 'news', call: post }
      if (isLastState(of.state)) return { rank: 3, share: 'news', call: update }
      return isProgress(of.state)
        ? { rank: 7, share: 'progress', call: update }
        : { rank: 4, share: 'cards', call: update }
    case 'line':
      return { rank: 6, share: 'progress', call: post }
  }
}

/**
 * The posting whose turn it is now; else the time from which the first of them may go, if any waits.
 * `channelOf`: where a posting for a channel goes. `underWay`: calls of tries that have begun.
 */
export function nextTurn(
  due: readonly Posting[],
  {
    now,
    budget,
    underWay = [],
    pace,
    channelOf,
  }: {
    readonly now: number
    readonly budget: Budget
    readonly underWay?: readonly SlackCall[]
    readonly pace: CardPace
    readonly channelOf: (posting: Posting) => string
  },
): { readonly posting: Posting; readonly call: SlackCall } | { readonly from: number | undefined } {
  const begins = beginsItsOutcome(due)
  const turns = due
    .map((posting) => {
      const turn = turnOf(posting, channelOf(posting))
      return { posting, turn: begins(posting) ? { ...turn, rank: 0, share: 'news' as const } : turn }
    })
    .sort((a, b) => a.turn.rank - b.turn.rank || a.posting.id - b.posting.id)
  let from: number | undefined
  for (const { posting, turn } of turns) {
    const at = Math.max(budget.allowedAt(turn.call, turn.share, underWay), cardWaits(posting, pace))
    if (at <= now) return { posting, call: turn.call }
    from = Math.min(from ?? at, at)
  }
  return { from }
}

/** Of the last step, which ends just before its release does. An older one waits for Slack, and the outcome does not. */
const OF_ITS_END_MS = 2_000

/**
 * Whether a line goes before the outcome that waits behind it, so that the thread reads in order: while no other release has
 * ended that people would be told of later for it.
 */
function beginsItsOutcome(due: readonly Posting[]): (posting: Posting) => boolean {
  const outcomes = due.flatMap(({ id, putInAt, message }) =>
    message.kind === 'outcome' ? [{ id, release: message.release, from: putInAt.getTime() - OF_ITS_END_MS }] : [],
  )
  const cards = due.flatMap(({ message, of }) =>
    message.kind === 'card' && of?.card !== undefined && isLastState(of.state) ? [message.release] : [],
  )
  const [only] = outcomes
  if (only === undefined || new Set([...outcomes.map(({ release }) => release), ...cards]).size !== 1)
    return () => false
  const isOfItsEnd = ({ id, putInAt }: Posting) => id < only.id && putInAt.getTime() >= only.from
  return (posting) => posting.message.kind === 'line' && posting.message.release === only.release && isOfItsEnd(posting)
}

/**
 * States in between are drawn as one: progress waits a little, so that the end of one step and the begin of the next are one
 * update, and then keeps its distance from the progress that was drawn before.
 */
function cardWaits({ id, message, of }: Posting, { progressEveryMs, updated, seenAt }: CardPace): number {
  if (message.kind !== 'card' || of?.card === undefined || isLastState(of.state)) return 0
  const togetherMs = Math.min(TOGETHER_MS, progressEveryMs)
  const last = updated(message.release)
  const apart = last === undefined ? 0 : last.at + togetherMs
  if (!isProgress(of.state)) return apart
  const settled = Math.max(seenAt(id) + togetherMs, apart)
  return last?.isProgress ? Math.max(settled, last.at + progressEveryMs) : settled
}

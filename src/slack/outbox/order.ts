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
 * The order: private messages, announcements, outcomes and what the channel is told of no release; first cards; last states of cards; other cards; announcements that
 * are edited; lines. A line that stands before its release's outcome goes just before it where there is room for both,
 * so that a quiet thread reads in order.
 */
export function turnOf(
  posting: Posting,
  channel: string,
  { outcomes }: { readonly outcomes: ReadonlyMap<number, number> },
): Turn {
  const { message, of, id } = posting
  const post = { method: 'chat.postMessage', channel }
  const update = { method: 'chat.update' }
  switch (message.kind) {
    case 'private':
      return { rank: 1, share: 'people', call: { method: 'conversations.open' } }
    case 'announcement':
      return message.ended ? { rank: 5, share: 'cards', call: update } : { rank: 1, share: 'news', call: post }
    case 'outcome':
    case 'channel':
      return { rank: 1, share: 'news', call: post }
    case 'card':
      if (of?.card === undefined) return { rank: 2, share: 'news', call: post }
      return isLastState(of.state)
        ? { rank: 3, share: 'news', call: update }
        : { rank: 4, share: 'cards', call: update }
    case 'line':
      return id < (outcomes.get(message.release) ?? 0)
        ? { rank: 1, share: 'cards', call: post }
        : { rank: 6, share: 'lines', call: post }
  }
}

/**
 * The posting whose turn it is now; else the time from which the first of them may go, if any waits.
 * `channelOf`: where a posting for a channel goes.
 */
export function nextTurn(
  due: readonly Posting[],
  {
    now,
    budget,
    pace,
    channelOf,
  }: {
    readonly now: number
    readonly budget: Budget
    readonly pace: CardPace
    readonly channelOf: (posting: Posting) => string
  },
): { readonly posting: Posting } | { readonly from: number | undefined } {
  const outcomes = new Map(
    due.flatMap(({ id, message }) => (message.kind === 'outcome' ? [[message.release, id] as const] : [])),
  )
  const turns = due
    .map((posting) => ({ posting, turn: turnOf(posting, channelOf(posting), { outcomes }) }))
    .sort((a, b) => a.turn.rank - b.turn.rank || a.posting.id - b.posting.id)
  let from: number | undefined
  for (const { posting, turn } of turns) {
    const at = Math.max(budget.allowedAt(turn.call, turn.share), cardWaits(posting, pace))
    if (at <= now) return { posting }
    from = Math.min(from ?? at, at)
  }
  return { from }
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

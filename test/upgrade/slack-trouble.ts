/** What Slack does not take while the version before runs, so that it waits in the outbox when the next one starts. */
import type { ApiCall, ArmedFault, SlackWorkspace } from '../../src/sandbox/slack/workspace.ts'

const ALWAYS = Number.POSITIVE_INFINITY

export interface SlackTrouble {
  /** Announcements whose key fits are not taken, until the next call. */
  holdAnnouncements(which: RegExp): void
  /** Nothing is taken in threads, and they can't be read. */
  takeNoReplies(): void
  /** The next message whose key fits is posted, and nobody hears of it: the channel can't be read from then on. */
  loseAnswer(which: RegExp): ArmedFault
  /** No message, no change of one, and no private answer is taken. */
  takeNothing(): void
  end(): void
}

/** The key that a message of Signoff's carries in its metadata. */
export function keyOf({ metadata }: ApiCall['args']): string {
  return String((metadata as { event_payload?: { key?: unknown } } | undefined)?.event_payload?.key ?? '')
}

export function createSlackTrouble(slack: SlackWorkspace): SlackTrouble {
  let announcements: RegExp | undefined
  const lost: { readonly which: RegExp; readonly fault: ArmedFault }[] = []
  const isToBeLost = (key: string) => lost.some(({ which, fault }) => fault.remaining > 0 && which.test(key))
  const refuse = (method: string, when: (args: ApiCall['args']) => boolean = () => true) =>
    slack.fault({ kind: 'http_500_before', method, times: ALWAYS, when })

  refuse('chat.postMessage', (args) => announcements?.test(keyOf(args)) === true)
  refuse('conversations.history', () => lost.some(({ which, fault }) => isOfChannel(which) && fault.remaining === 0))
  return {
    holdAnnouncements(which) {
      announcements = which
    },
    takeNoReplies() {
      refuse('chat.postMessage', (args) => args.thread_ts !== undefined && !isToBeLost(keyOf(args)))
      refuse('conversations.replies')
    },
    loseAnswer(which) {
      const fault = slack.fault({
        kind: 'http_500_after',
        method: 'chat.postMessage',
        when: (args) => which.test(keyOf(args)),
      })
      lost.push({ which, fault })
      return fault
    },
    takeNothing() {
      for (const method of ['chat.postMessage', 'chat.update', 'conversations.open', 'response_url']) refuse(method)
    },
    end: () => slack.clearFaults(),
  }
}

const isOfChannel = ({ source }: RegExp) => !source.includes(':done:')

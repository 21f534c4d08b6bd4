/** Calls that Slack fails while the version before runs, so that messages wait in the outbox when the next version starts. */
import type { ApiCall, ArmedFault, SlackWorkspace } from '../../src/sandbox/slack/workspace.ts'

export interface SlackFaults {
  /** From now on Slack refuses the announcements whose key matches, and no others. */
  refuseAnnouncements(which: RegExp): void
  /** From now on Slack refuses replies, and threads can't be read. */
  refuseReplies(): void
  /** Slack posts the next message whose key matches, but its answer is lost. From then on that place can't be read. */
  loseAnswer(which: RegExp, place: 'channel' | 'thread'): ArmedFault
  /** From now on Slack refuses every message, every update and every private answer. */
  refuseEverything(): void
  /** Slack works again. */
  end(): void
}

/** The key in the metadata of a message from Signoff; empty for a message without one. */
export function keyOf({ metadata }: ApiCall['args']): string {
  return String((metadata as { event_payload?: { key?: unknown } } | undefined)?.event_payload?.key ?? '')
}

/** All keys of a message: lines of finished steps may be combined in one. */
export function messageKeys(args: ApiCall['args']): readonly string[] {
  const also = (args.metadata as { event_payload?: { also?: unknown } } | undefined)?.event_payload?.also
  return [keyOf(args), ...(typeof also === 'string' ? also.split(' ') : [])].filter((key) => key !== '')
}

export function createSlackFaults(slack: SlackWorkspace): SlackFaults {
  let announcements: RegExp | undefined
  const lost: { readonly which: RegExp; readonly place: 'channel' | 'thread'; readonly fault: ArmedFault }[] = []
  const willBeLost = (key: string) => lost.some(({ which, fault }) => fault.remaining > 0 && which.test(key))
  const isUnreadable = (place: string) => lost.some((each) => each.place === place && each.fault.remaining === 0)
  const refuse = (method: string, when: (args: ApiCall['args']) => boolean = () => true) =>
    slack.fault({ kind: 'http_500_before', method, times: Number.POSITIVE_INFINITY, when })

  refuse('chat.postMessage', (args) => announcements?.test(keyOf(args)) === true)
  refuse('conversations.history', () => isUnreadable('channel'))
  return {
    refuseAnnouncements(which) {
      announcements = which
    },
    refuseReplies() {
      refuse('chat.postMessage', (args) => args.thread_ts !== undefined && !willBeLost(keyOf(args)))
      refuse('conversations.replies')
    },
    loseAnswer(which, place) {
      const when = (args: ApiCall['args']) => which.test(keyOf(args))
      const fault = slack.fault({ kind: 'http_500_after', method: 'chat.postMessage', when })
      lost.push({ which, place, fault })
      return fault
    },
    refuseEverything() {
      for (const method of ['chat.postMessage', 'chat.update', 'conversations.open', 'response_url']) refuse(method)
    },
    end: () => slack.clearFaults(),
  }
}

/** What people do, on its way to the bot by its own intake: stored first, then handled, and later where a crash came between. */
import type { View } from '@slack/types'
import type { Refusal } from '../../../src/release/refusals.ts'
import type { Release } from '../../../src/release/release.ts'
import type { Requested } from '../../../src/release/request.ts'
import type { Done, ReleaseService } from '../../../src/release/service.ts'
import type { ModalResponse } from '../../../src/slack/modal-answer.ts'
import type { Payload } from './clicks.ts'
import type { BotProcess } from './processes.ts'
import type { SlackWorld } from './slack.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What Slack sends for an action; another `id` is another click of the same. */
export type ActionPayload = (id: string) => Payload

export interface Delivered {
  /** It was answered, or nobody is there who could. */
  isOver(): boolean
  answer(): { readonly release: Release } | { readonly refused: Refusal } | undefined
  /** What a submitted modal was answered. */
  shown(): ModalResponse | undefined
  /** The window that it has opened. */
  opened(): View | undefined
}

const SWEEP_EVERY_MS = 10_000

export interface Intake {
  /** The bot looks through what a crash has left, as long as it lives. */
  through(bot: BotProcess): BotProcess
  deliver(bot: BotProcess | undefined, action: ActionPayload): Delivered
  /** The last delivery once more; undefined before the first. */
  deliverAgain(bot: BotProcess | undefined, how: 'same id' | 'new id'): Delivered | undefined
  /** Something was stored that is not handled yet. */
  isBusy(): boolean
  /** Told of what the store has. */
  received(id: string): void
  handled(id: string): void
}

export function createIntake(time: VirtualTime, slack: SlackWorld): Intake {
  let count = 0
  const left = new Set<string>()
  let last: { readonly id: string; readonly action: ActionPayload } | undefined

  function send(bot: BotProcess | undefined, id: string, action: ActionPayload): Delivered {
    last = { id, action }
    let isOver = bot === undefined
    const payload = action(id)
    const from = { answers: bot?.answers.length ?? 0, messages: slack.messages.length }
    const over = () => {
      isOver = true
    }
    let response: ModalResponse | undefined
    const acknowledged = async (given?: ModalResponse) => {
      response = given
    }
    bot?.intake.take(payload, acknowledged).then(over, over)
    const by = userOf(payload)
    return {
      isOver: () => isOver || bot?.isAlive() !== true,
      answer() {
        const answers = bot?.answers.slice(from.answers).filter((each) => each.by === by)
        return answers?.at(-1)?.answer ?? refusalShown(response) ?? refusalRead(slack, `D-${by}`, from.messages)
      },
      shown: () => response,
      opened: () => slack.opened(id),
    }
  }

  return {
    through(bot) {
      const end = time.every(SWEEP_EVERY_MS, () => {
        if (!bot.isAlive()) return end()
        void bot.intake.sweep().catch(() => undefined)
      })
      return bot
    },
    deliver: (bot, action) => send(bot, `${++count}.0`, action),
    deliverAgain(bot, how) {
      if (last === undefined) return undefined
      return send(bot, how === 'same id' ? last.id : `${++count}.0`, last.action)
    },
    isBusy: () => left.size > 0,
    received: (id) => void left.add(id),
    handled: (id) => void left.delete(id),
  }
}

function userOf({ user_id, user }: Payload): string {
  return String(user_id ?? (user as { id?: unknown } | undefined)?.id)
}

/** What stands at a field of a modal that was refused. */
function refusalShown(response: ModalResponse | undefined): { readonly refused: Refusal } | undefined {
  const gate = /Gate: (\w+)/.exec(JSON.stringify(response ?? ''))?.[1]
  return gate === undefined ? undefined : { refused: { gate } as Refusal }
}

/** What was refused before the service was asked, as its person has read it. */
function refusalRead(slack: SlackWorld, channel: string, from: number): { readonly refused: Refusal } | undefined {
  const read = slack.messages.slice(from).filter((message) => message.channel === channel)
  // The code of the gate is what the last line of context ends with.
  const context = read
    .flatMap(({ blocks }) => (blocks ?? []) as { type?: string }[])
    .findLast(({ type }) => type === 'context')
  const gate = /`(\w+)`"/.exec(JSON.stringify(context ?? ''))?.[1]
  return gate === undefined ? undefined : { refused: { gate } as Refusal }
}

export interface ServiceAnswer {
  readonly by: string
  readonly answer: Done | Requested
}

/** The service, whose answers are noted. */
export function noted(service: ReleaseService, answers: ServiceAnswer[]): ReleaseService {
  const note = <Args extends unknown[], T extends Done | Requested>(act: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      const answer = await act(...args)
      const asked = args.find((arg): arg is { by: string } => typeof arg === 'object' && arg !== null && 'by' in arg)
      answers.push({ by: asked?.by ?? '', answer })
      return answer
    }
  }
  return {
    ...service,
    request: note(service.request),
    act: note(service.act),
    may: note(service.may),
  }
}

/** What people do, on its way to the bot: stored first, then handled, and handled later where a crash came between. */
import type { Refusal } from '../../../src/release/refusals.ts'
import type { Release } from '../../../src/release/release.ts'
import type { Done, ReleaseService, Requested } from '../../../src/release/service.ts'
import type { BotProcess } from './processes.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface Deed {
  readonly is: string
  /** Safe to repeat; the same key is the same delivery. */
  act(service: ReleaseService, key: string): Promise<Done | Requested>
}

export interface Delivered {
  /** It was answered, or nobody is there who could. */
  isOver(): boolean
  answer(): { readonly release: Release } | { readonly refused: Refusal } | undefined
}

const SWEEP_EVERY_MS = 10_000
const SWEEP_AFTER_MS = 30_000

export interface Intake {
  /** The bot looks through what a crash has left, as long as it lives. */
  through(bot: BotProcess): BotProcess
  deliver(bot: BotProcess | undefined, deed: Deed): Delivered
  /** The last delivery once more; undefined before the first. */
  deliverAgain(bot: BotProcess | undefined, how: 'same id' | 'new id'): Delivered | undefined
  /** Something was stored that is not handled yet. */
  isBusy(): boolean
  /** Told of what the store has. */
  received(id: string): void
  handled(id: string): void
}

export function createIntake(time: VirtualTime): Intake {
  let count = 0
  const deeds = new Map<string, Deed>()
  const left = new Set<string>()
  let last: { readonly id: string; readonly deed: Deed } | undefined

  async function handle(bot: BotProcess, id: string): Promise<Done | Requested> {
    const deed = deeds.get(id)
    if (deed === undefined) throw new Error(`${id} was never delivered`)
    const answer = await deed.act(bot.service, id)
    await bot.inbox.handled(id)
    return answer
  }

  async function take(bot: BotProcess, id: string): Promise<Done | Requested | undefined> {
    const isNew = await bot.inbox.receive({ id, payload: { id } })
    if (!isNew) return undefined
    return handle(bot, id)
  }

  function send(bot: BotProcess | undefined, id: string, deed: Deed): Delivered {
    deeds.set(id, deed)
    last = { id, deed }
    let isOver = bot === undefined
    let answer: Done | Requested | undefined
    if (bot !== undefined) {
      const over = () => {
        isOver = true
      }
      take(bot, id)
        .then((given) => {
          answer = given
        })
        .then(over, over)
    }
    return { isOver: () => isOver || bot?.isAlive() !== true, answer: () => answer }
  }

  return {
    through(bot) {
      const end = time.every(SWEEP_EVERY_MS, () => {
        if (!bot.isAlive()) return end()
        void (async () => {
          for (const { id } of await bot.inbox.left(SWEEP_AFTER_MS)) await handle(bot, id).catch(() => undefined)
        })().catch(() => undefined)
      })
      return bot
    },
    deliver: (bot, deed) => send(bot, `delivery ${++count}`, deed),
    deliverAgain(bot, how) {
      if (last === undefined) return undefined
      return send(bot, how === 'same id' ? last.id : `delivery ${++count}`, last.deed)
    },
    isBusy: () => left.size > 0,
    received: (id) => void left.add(id),
    handled: (id) => void left.delete(id),
  }
}

/**
 * Publishes App Homes: when they are opened and, for 15 minutes after that, when what they show changes. Several bots on one
 * store share the work; a publish that was cut off is made again by the bot that looks next.
 */
import { createHash } from 'node:crypto'
import type { HomeView } from '@slack/types'
import type { WebClient } from '@slack/web-api'
import type { Clock } from '../../lib/clock.ts'
import { defined } from '../../lib/defined.ts'
import type { Directory } from '../../release/ports/directory.ts'
import type { Homes, OpenHome } from '../../release/ports/homes.ts'
import { ask, type SlackError } from '../clients.ts'
import type { DeliveryLog } from '../outbox/sending.ts'
import type { HomeOpening } from '../ports.ts'
import { guestHome, shownIn } from '../views/home/home.ts'
import type { HomeDrawing } from './drawing.ts'

export interface HomePorts {
  readonly homes: Homes
  readonly drawing: HomeDrawing
  /** Asks Slack again: nobody is shown what they may see no longer. */
  readonly rights: Pick<Directory, 'person'>
  /** Retries off. */
  readonly client: WebClient
  readonly clock: Clock
  readonly log: DeliveryLog
  /** How often what may have changed is looked for while somebody's Home is followed; 2 s by default. */
  readonly lookEveryMs?: number
}

export interface HomePublishing extends HomeOpening {
  stop(): Promise<void>
}

const LOOK_EVERY_MS = 2_000
/** Nobody's Home is followed: one that another bot was asked for and left is found so. */
const IDLE_LOOK_MS = 15_000
const AGAIN_MS = 10_000
const LONGEST_PAUSE_MS = 30_000

/** Publishes until it is stopped, and continues after any failure. */
export function startHomes(ports: HomePorts): HomePublishing {
  const { homes, clock, log, lookEveryMs = LOOK_EVERY_MS } = ports
  const stopping = new AbortController()
  let waking = new AbortController()
  let failed = 0
  let isDisabledLogged = false

  function wake(): void {
    waking.abort()
    waking = new AbortController()
  }

  /** Looks at one Home. Gives how long nothing is to be looked at. */
  async function look(): Promise<number> {
    const next = await homes.next()
    failed = 0
    if (!('home' in next)) return next.isAnyFollowed ? lookEveryMs : IDLE_LOOK_MS
    await show(next.home).catch(async (err: unknown) => {
      log.error({ err, person: next.home.person }, 'a Home could not be drawn; it is tried again')
      await homes.failed(next.home, AGAIN_MS)
    })
    return 0
  }

  async function show(home: OpenHome): Promise<void> {
    const drawn = await ports.drawing.draw(home.person, home.events)
    if (drawn === 'unknown') return homes.failed(home, AGAIN_MS)
    if (home.askedAt === undefined && digest(drawn) === home.shown) return homes.unchanged(home)
    if (!(await homes.mayPublish(home))) return
    const now = await ports.rights.person(home.person)
    if (now.is === 'unknown') return homes.failed(home, AGAIN_MS)
    await publish(home, now.is === 'member' ? drawn : guestHome())
  }

  async function publish(home: OpenHome, view: HomeView): Promise<void> {
    const { person, hash } = home
    const answer = await ask(() => ports.client.views.publish({ user_id: person, view, ...defined({ hash }) }))
    if (!answer.ok) return notPublished(home, answer)
    isDisabledLogged = false
    await homes.published(home, { shown: digest(view), ...defined({ hash: hashOf(answer.value) }) })
  }

  async function notPublished(home: OpenHome, error: SlackError): Promise<void> {
    if (error.failure === 'rate limited') return homes.failed(home, error.afterMs)
    // Slack may show it or not; the next one goes without a hash.
    if (error.failure === 'unknown') return homes.failed(home, AGAIN_MS)
    // Slack shows something else than we know of, such as a view whose answer was lost: it is replaced now.
    if (error.error === 'hash_conflict') return homes.failed(home, 0)
    await homes.dropped(home)
    if (error.error !== 'not_enabled') {
      log.warn({ person: home.person, error: error.error }, 'Slack refused a Home; it is drawn again when it is opened')
    } else if (!isDisabledLogged) {
      isDisabledLogged = true
      log.warn(
        {},
        'App Home is not enabled for this Slack app: update the app from manifest.yml. Everything else works without it.',
      )
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const woken = waking.signal
      const pause = await look().catch((err: unknown) => {
        log.error({ err }, 'looking for Homes to publish failed and starts again')
        failed += 1
        return Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(failed, 10))
      })
      if (pause > 0) await clock.sleep(pause, AbortSignal.any([stopping.signal, woken]))
    }
  }

  const running = run()
  return {
    async opened(person, seen) {
      await homes.opened(person, seen)
      wake()
    },
    async asked(person) {
      await homes.asked(person)
      wake()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}

function digest(view: HomeView): string {
  return createHash('sha256').update(shownIn(view)).digest('hex')
}

function hashOf(answer: object): string | undefined {
  const view = 'view' in answer ? answer.view : undefined
  const hash = typeof view === 'object' && view !== null && 'hash' in view ? view.hash : undefined
  return typeof hash === 'string' ? hash : undefined
}

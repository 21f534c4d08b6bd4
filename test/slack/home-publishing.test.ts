/** When App Homes are published, on a real store and a Slack that fails: by one bot or several, at what pace, and after what. */
import type { HomeView } from '@slack/types'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { HOME_PACE, type HomePace } from '../../src/release/ports/homes.ts'
import { type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { createSlackClients } from '../../src/slack/clients.ts'
import { type HomePublishing, startHomes } from '../../src/slack/home/publishing.ts'
import { type Opened, openedStore, stopPostgres } from '../adapters/store-opened.ts'
import { eventually, waitUntil } from '../support/waiting.ts'

afterAll(stopPostgres)

const QUICK: HomePace = { ...HOME_PACE, everyMs: 0, lookAgainMs: 10, lookEveryMs: 60_000 }

interface Place {
  readonly slack: SlackWorkspace
  readonly opened: Opened
  readonly logged: { readonly level: string; readonly message: string }[]
  readonly ada: string
  /** Who is a guest by now, as Slack says when it is asked again. */
  readonly guests: Set<string>
  /** What each person's Home says. */
  readonly saying: Map<string, string>
  bot(pace?: Partial<HomePace>, more?: { readonly draw?: () => Promise<void> }): HomePublishing
  calls(): readonly {
    readonly args: Record<string, unknown>
    readonly error: string | undefined
    readonly isApplied: boolean
  }[]
  shown(person?: string): string
  /** Something was committed. */
  happens(): Promise<void>
  /** As if so long had passed since everybody's Home was opened or published. */
  later(interval: string): Promise<void>
}

async function place(): Promise<Place> {
  const slack = await startSlackWorkspace()
  onTestFinished(() => slack.close())
  const opened = await openedStore()
  const ada = slack.addUser({ name: 'ada' }).id
  const logged: Place['logged'] = []
  const saying = new Map<string, string>()
  const guests = new Set<string>()
  const log = Object.fromEntries(
    (['info', 'warn', 'error'] as const).map((level) => [
      level,
      (_: object, message: string) => void logged.push({ level, message }),
    ]),
  ) as unknown as Parameters<typeof startHomes>[0]['log']
  const view = (text: string): HomeView => ({
    type: 'home',
    blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }],
  })
  return {
    ...{ slack, opened, logged, ada, saying, guests },
    bot(pace = {}, { draw } = {}) {
      const clients = createSlackClients({ token: slack.botToken, apiUrl: slack.apiUrl })
      const bot = startHomes({
        homes: opened.homes({ ...QUICK, ...pace }),
        drawing: {
          async draw(person) {
            await draw?.()
            return view(saying.get(person) ?? `The Home of ${person}`)
          },
        },
        rights: {
          person: async (id) =>
            guests.has(id) ? { is: 'not a member', why: 'guest' } : { is: 'member', id, name: id },
        },
        client: clients.background,
        clock: { now: () => performance.now(), sleep: (ms, signal) => sleepAtMost(ms, signal) },
        log,
        lookEveryMs: 10,
      })
      onTestFinished(() => bot.stop())
      return bot
    },
    calls: () => slack.log.filter(({ method }) => method === 'views.publish'),
    shown: (person = ada) => JSON.stringify(slack.homeView(person)?.blocks ?? ''),
    happens: () =>
      opened.store.transaction(async (tx) => tx.addEvent({ type: 'lock_ended', actor: 'bot', data: {} } as never)),
    async later(interval) {
      await opened.sql(`update home set opened_at = opened_at - interval '${interval}',
        published_at = published_at - interval '${interval}', looked_at = looked_at - interval '${interval}',
        claimed_until = claimed_until - interval '${interval}'`)
      await opened.sql(`update home_pace set at = array(select each - interval '${interval}' from unnest(at) each)`)
    },
  }
}

/** Longer waits than a test has time for are cut short: what is due is decided by the store's clock. */
async function sleepAtMost(ms: number, signal?: AbortSignal): Promise<void> {
  const { CLOCK } = await import('../../src/lib/clock.ts')
  await CLOCK.sleep(Math.min(ms, 20), signal)
}

/** Nothing more comes while the bots look many times. */
async function comesToRest({ calls, opened }: Place): Promise<void> {
  const looks = async () => Number((await opened.sql('select coalesce(sum(claim), 0) as claims from home'))[0]?.claims)
  let before = -1
  await waitUntil(
    async () => {
      const now = calls().length * 1_000_000 + (await looks())
      const isStill = now === before
      before = now
      return isStill
    },
    { what: 'the bots to come to rest', everyMs: 150 },
  )
}

describe('a Home', () => {
  it('is published when it is opened, with the hash of what Slack shows, and again only when what it shows changes', async () => {
    const here = await place()
    const bot = here.bot()
    await bot.opened(here.ada, { hash: null })
    await eventually(() => expect(here.calls()).toHaveLength(1))
    expect(here.calls()[0]?.args).not.toHaveProperty('hash')
    await here.happens()
    await here.happens()
    await comesToRest(here)
    expect(here.calls()).toHaveLength(1)
    const hash = here.slack.homeView(here.ada)?.hash
    here.saying.set(here.ada, 'Something new')
    await here.happens()
    await eventually(() => expect(here.shown()).toContain('Something new'))
    expect(here.calls()).toHaveLength(2)
    expect(here.calls()[1]?.args).toMatchObject({ hash, user_id: here.ada })
    // Opened again it is drawn again, though nothing has changed.
    await bot.opened(here.ada, { hash: here.slack.homeView(here.ada)?.hash ?? null })
    await eventually(() => expect(here.calls()).toHaveLength(3))
  })

  it('is followed for 15 minutes after it was opened, and no longer', async () => {
    const here = await place()
    const bot = here.bot()
    await bot.opened(here.ada, { hash: null })
    await eventually(() => expect(here.calls()).toHaveLength(1))
    await comesToRest(here)
    await here.later('15 minutes')
    here.saying.set(here.ada, 'Too late')
    await here.happens()
    await comesToRest(here)
    expect(here.calls()).toHaveLength(1)
    await bot.opened(here.ada, { hash: null })
    await eventually(() => expect(here.shown()).toContain('Too late'))
  })

  it('is published at most once in 10 s a person, with what is true then', async () => {
    const here = await place()
    const bot = here.bot({ everyMs: HOME_PACE.everyMs })
    await bot.opened(here.ada, { hash: null })
    await eventually(() => expect(here.calls()).toHaveLength(1))
    for (const words of ['first', 'second', 'third']) {
      here.saying.set(here.ada, words)
      await here.happens()
      await bot.opened(here.ada, {})
    }
    await comesToRest(here)
    expect(here.calls()).toHaveLength(1)
    await here.later('10 seconds')
    await eventually(() => expect(here.shown()).toContain('third'))
    expect(here.calls()).toHaveLength(2)
  })

  it('is published at most 20 times a minute in all, by all bots together, and five of them are kept for who opens theirs', async () => {
    const here = await place()
    const people = Array.from({ length: 24 }, (_, at) => here.slack.addUser({ name: `p${at}` }).id)
    const [one] = [here.bot(), here.bot()]
    for (const person of people) await one?.opened(person, { hash: null })
    await eventually(() => expect(here.calls()).toHaveLength(20))
    await comesToRest(here)
    expect(here.calls()).toHaveLength(20)
    // The four that wait are opened ones: they go as soon as they may.
    await here.later('61 seconds')
    await here.opened.sql('update home set not_before = now()')
    await eventually(() => expect(here.calls()).toHaveLength(24))
    expect(new Set(here.calls().map(({ args }) => args.user_id)).size).toBe(24)
    for (const person of people) here.saying.set(person, 'changed')
    await here.happens()
    await comesToRest(here)
    // 4 and 11 are 15: the rest is left to people who open theirs.
    expect(here.calls()).toHaveLength(35)
    await one?.opened(here.ada, { hash: null })
    await eventually(() => expect(here.shown()).toContain(here.ada))
  })

  it('shows one sentence to who has become a guest since their rights were last looked up', async () => {
    const here = await place()
    const bot = here.bot()
    await bot.opened(here.ada, { hash: null })
    await eventually(() => expect(here.shown()).toContain(here.ada))
    here.guests.add(here.ada)
    here.saying.set(here.ada, 'a secret')
    await here.happens()
    await eventually(() => expect(here.shown()).toContain('full members'))
    expect(JSON.stringify(here.calls())).not.toContain('a secret')
  })

  it('is published once by several bots on one store', async () => {
    const here = await place()
    const bots = [here.bot(), here.bot(), here.bot()]
    await Promise.all(bots.map((bot) => bot.opened(here.ada, { hash: null })))
    await comesToRest(here)
    const opened = here.calls().length
    // Three openings are three at most, and never two at once.
    expect(opened).toBeLessThanOrEqual(3)
    for (const words of ['one', 'two', 'three']) {
      here.saying.set(here.ada, words)
      await here.happens()
      await eventually(() => expect(here.shown()).toContain(words))
      await comesToRest(here)
    }
    expect(here.calls()).toHaveLength(opened + 3)
    expect(here.calls().every(({ error }) => error === undefined)).toBe(true)
  })

  it.each(['reset_after', 'http_500_after'] as const)(
    'comes right after a publish whose answer was lost (%s)',
    async (kind) => {
      const here = await place()
      const bot = here.bot()
      await bot.opened(here.ada, { hash: null })
      await eventually(() => expect(here.calls()).toHaveLength(1))
      here.slack.fault({ kind, method: 'views.publish' })
      here.saying.set(here.ada, 'shown, but nobody knows')
      await here.happens()
      await eventually(() => expect(here.calls()).toHaveLength(2))
      here.saying.set(here.ada, 'the truth')
      await here.opened.sql('update home set not_before = now()')
      const other = here.bot()
      await here.happens()
      await eventually(() => expect(here.shown()).toContain('the truth'))
      await other.stop()
      expect(here.logged.filter(({ level }) => level === 'error')).toEqual([])
    },
  )

  it('comes right where the bot died between its claim and the call', async () => {
    const here = await place()
    const first = here.opened.homes(QUICK)
    await first.opened(here.ada, { hash: null })
    expect(await first.next()).toHaveProperty('home')
    here.bot()
    await comesToRest(here)
    expect(here.calls()).toEqual([])
    await here.later('1 minute')
    await eventually(() => expect(here.shown()).toContain(here.ada))
  })

  it('is replaced where Slack shows another view than we know of', async () => {
    const here = await place()
    const bot = here.bot()
    await bot.opened(here.ada, { hash: 'long gone' })
    await eventually(() => expect(here.shown()).toContain(here.ada))
    expect(here.calls().map(({ error }) => error)).toEqual(['hash_conflict', undefined])
  })

  it('drops what a bot records that has lost its claim', async () => {
    const here = await place()
    const homes = here.opened.homes(QUICK)
    await homes.opened(here.ada, { hash: null })
    const slow = await homes.next()
    if (!('home' in slow)) throw new Error('nothing was claimed')
    await here.later('1 minute')
    const quick = await homes.next()
    if (!('home' in quick)) throw new Error('nothing was claimed')
    expect(await homes.mayPublish(slow.home)).toBe(false)
    await homes.published(slow.home, { hash: 'old', shown: 'old' })
    await homes.dropped(slow.home)
    expect(await homes.mayPublish(quick.home)).toBe(true)
    await homes.published(quick.home, { hash: 'new', shown: 'new' })
    expect(await here.opened.sql('select hash, shown, asked_at from home')).toEqual([
      { hash: 'new', shown: 'new', asked_at: null },
    ])
  })

  it('is not published where the Home tab is not enabled, which is logged once', async () => {
    const here = await place()
    const bot = here.bot()
    here.slack.setHomeTab(false)
    const ben = here.slack.addUser({ name: 'ben' }).id
    for (const person of [here.ada, ben, here.ada]) {
      const before = here.calls().length
      await bot.opened(person, { hash: null })
      await eventually(() => expect(here.calls().length).toBe(before + 1))
      await comesToRest(here)
    }
    expect(here.logged.map(({ level, message }) => [level, message.includes('manifest.yml')])).toEqual([['warn', true]])
    here.slack.setHomeTab(true)
    await bot.opened(here.ada, { hash: null })
    await eventually(() => expect(here.shown()).toContain(here.ada))
  })

  it('waits for as long as Slack asks, and is given up where Slack refuses it', async () => {
    const here = await place()
    const bot = here.bot()
    here.slack.fault({ kind: 'rate_limited', method: 'views.publish', retryAfter: 2 })
    await bot.opened(here.ada, { hash: null })
    await eventually(() => expect(here.shown()).toContain(here.ada))
    const [first, second] = here.slack.log.filter(({ method }) => method === 'views.publish')
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_900)
    here.slack.fault({ kind: 'error', error: 'user_not_found', method: 'views.publish', times: 1 })
    await bot.opened(here.ada, {})
    await eventually(() =>
      expect(here.logged.map(({ message }) => message)).toEqual([expect.stringContaining('refused a Home')]),
    )
    await here.happens()
    await comesToRest(here)
    expect(here.calls()).toHaveLength(3)
  })
})

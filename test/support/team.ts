/**
 * A whole team for feature tests: its setting, and the real bot and worker in it. Tests act as people do, by what is pressed
 * and filled in, and wait by what became of a release.
 */
import { rm } from 'node:fs/promises'
import { type Pace, type Running, startSignoff } from '../../src/cli/start.ts'
import { type Configuration, readConfiguration } from '../../src/config/configuration.ts'
import type { Role } from '../../src/config/variables.ts'
import type { Failure, Gate } from '../../src/release/refusals.ts'
import type { Delivery, Message, Seen, View } from '../../src/sandbox/slack/workspace.ts'
import { START } from '../../src/slack/ids.ts'
import {
  asksToStart,
  BUTTON,
  cards,
  filledIn,
  keyOf,
  lines,
  namesGate,
  offers,
  type Pressed,
  privately,
  questionOf,
  wordsOf,
} from './channel.ts'
import { ask } from './postgres.ts'
import { secretsSeen } from './secrets.ts'
import { makeSetting, type Setting, type TeamOptions } from './team-setting.ts'
import { tellStory } from './telling.ts'
import { createUntil, type Query, type Until } from './until.ts'
import { eventually, type Waiting, waitUntil } from './waiting.ts'

export { INTEGRATION, PRODUCTION, type TeamOptions } from './team-setting.ts'

/** Short enough for tests; nothing decides by these what happened. */
export const QUICK: Pace = {
  times: { pause: 50, poll: 50 },
  limits: {
    forge: { mergeArrivesWithinMs: 1_500, pushArrivesWithinMs: 1_500 },
    platforms: {
      heroku: { pushArrivesWithinMs: 1_500, releaseAppearsWithinMs: 1_500, confirmedWithinMs: 5_000 },
      git: { pushArrivesWithinMs: 1_500 },
    },
    migrator: { endsWithinMs: 5_000 },
  },
  updateEveryMs: 50,
  postEveryMs: 50,
  updatesAMinute: 10_000,
  pingTimeoutMs: 2_000,
  sweepEveryMs: 1_000,
  home: { everyMs: 200, aMinute: 10_000, lookEveryMs: 1_000, lookAgainMs: 50 },
}

/** The code of a gate, as a refusal and a stopped release name it. */
export type GateCode = Gate | Failure['gate']

/** What people fill in, by the `block_id` of the input. */
type Filled = Readonly<Record<string, string | boolean | string[]>>

export interface Team extends Setting {
  /** Everything that the team's bots and workers have logged. */
  readonly logs: string[]
  configuration(role: Role): Configuration
  start(role: Role): Promise<Running>
  running: Running[]
  /** Types a command in #product. */
  command(user: string, text: string): Promise<void>
  /** Presses a button of the newest card that has it, of this release where one is given, and says yes where it asks; gives what it asked. */
  click(user: string, pressed: Pressed, number?: number): Promise<string | undefined>
  /** The same on the newest message that only this person sees. */
  clickPrivately(user: string, pressed: Pressed): Promise<void>
  /** Waits for a modal, and gives the one on top; one that `is` it where that is given. */
  modal(user: string, is?: (view: View) => boolean): Promise<View>
  /** Fills in the open modal and sends it. */
  submit(user: string, values: Filled): Promise<void>
  readonly until: Until
  /** Waits until the person has privately read of this gate, once more for each call, with these facts; gives the words. */
  told(user: string, gate: GateCode, ...facts: readonly (string | RegExp)[]): Promise<string>
  /** The same with any message that has all of these facts: names, numbers, commits, commands. */
  hears(user: string, ...facts: readonly (string | RegExp)[]): Promise<string>
  /** Does something, and gives what this person is privately told next. */
  toldNext(user: string, act: () => Promise<unknown>): Promise<string>
  /** Waits until a look finds something, for as long as anything of this team moves; gives it. */
  waitFor<T>(what: Waiting['what'], look: Parameters<typeof waitUntil<T>>[0], more?: Partial<Waiting>): Promise<T>
  /** Waits until an expectation holds, in the same way. */
  eventually<T>(assertion: () => T | Promise<T>): Promise<T>
  /** /deploy production by Dana, QA by Lin, approval by Tom, and waits until it has succeeded. */
  releaseProduction(number: number): Promise<void>
  /** The newest card in #product; of this release where one is given. */
  card(number?: number): Message | undefined
  /** A message as people read it, with plain spaces. */
  words(message: Pick<Message, 'text' | 'blocks'> | undefined): string
  /** A release's thread as people read it, a message each. */
  thread(number: number): readonly string[]
  /** Everything in #product with its threads, as people read it. */
  transcript(): string
  /** The steps that were done in a release, in order, as the record has them. */
  stepsDone(number: number): Promise<readonly string[]>
  /** The revisions that an app's database is at. */
  revisions(of: 'integration' | 'production'): Promise<readonly string[]>
  /** Asks the store. */
  query: Query
  close(): Promise<void>
}

/** So long it may take until something that Slack has warned of is seen to have arrived. */
const ARRIVES_WITHIN_MS = 5_000
/** So long people look whether a card changes before they press. */
const CARD_WITHIN_MS = 3_000
/** How often people do the same again before they call somebody. */
const MOST_TRIES = 5

/** What every step of a release leaves in the store. */
const STORE_MOVES = `
  select (select count(*) from event) as events, (select count(*) from step) as steps,
         (select count(*) from sign_off) as words, (select count(handled_at) from inbox) as handled,
         (select concat_ws(' ', count(*), sum(tries), count(settled_at)) from outbox) as outbox,
         (select concat_ws(' ', count(*), sum(retry_count), count(started_on), count(completed_on)) from pgboss.job) as jobs`

/** Starts everything. `close` leaves nothing running. */
export async function startTeam(options: TeamOptions = {}): Promise<Team> {
  const setting = await makeSetting(options)
  const { slack, bitbucket, heroku, directory, databases, people } = setting
  if (process.env.STORY === 'true') tellStory(slack)
  const running: Running[] = []
  const heard = new Set<string>()

  /** Whatever may move during a wait: in the store, in Slack, at Bitbucket and at Heroku. */
  async function moves(): Promise<unknown> {
    const store = await team.query(STORE_MOVES).catch(() => [])
    const calls = slack.log.filter(({ isApplied }) => isApplied).length
    return [store, calls, heroku.log.length, (await bitbucket.log()).length]
  }
  /** A busy machine may make the bot renew its socket: people at a real Slack would press again. */
  const connected = () => team.waitFor('the bot at its socket', () => options.mode === 'http' || slack.sockets > 0)
  /** The oldest message to this person that was not asked for before and that `isIt`. */
  function listen(user: string, what: string, isIt: (message: Message) => boolean): Promise<string> {
    const read = () => privately(slack, user).map((message) => wordsOf(slack, message))
    const inVain = () => `${user} being told ${what}, not ${JSON.stringify(read(), undefined, 1)}`
    return team.waitFor(inVain, () => {
      const found = privately(slack, user).find((each) => !heard.has(`${user} ${each.ts}`) && isIt(each as Message))
      if (found === undefined) return undefined
      heard.add(`${user} ${found.ts}`)
      return wordsOf(slack, found)
    })
  }
  function hasAll(message: Message, facts: readonly (string | RegExp)[]): boolean {
    const words = wordsOf(slack, message)
    return facts.every((fact) => (typeof fact === 'string' ? words.includes(fact) : fact.test(words)))
  }
  /**
   * Slack's 3 s are proven in stories of their own. Here a machine that is too busy for them once must not end the story: Slack
   * shows its person a warning, and mostly it has arrived all the same. What has not, as on a socket that is just being renewed,
   * is done again, as people do. `key`: by what the inbox knows it.
   */
  async function act(what: string, send: () => Promise<{ seen: Seen; key: string }>): Promise<void> {
    for (let tries = 1; ; tries++) {
      await connected()
      const { seen, key } = await send()
      if (seen.seen === 'acknowledged') return
      const why = JSON.stringify({ seen: seen.seen, why: seen.why, errors: seen.errors })
      if (seen.seen !== 'operation_timeout' || tries === MOST_TRIES) throw new Error(`${what} did not arrive: ${why}`)
      const arrived = `select 1 from inbox where position('${key}' in id) > 0`
      const look = async () => (await team.query(arrived)).length > 0
      if (await team.waitFor(what, look, { atMostMs: ARRIVES_WITHIN_MS }).catch(() => false)) return
    }
  }
  async function deliver(capture: () => Delivery): Promise<{ seen: Seen; key: string }> {
    const delivery = capture()
    const [seen] = await slack.deliver(delivery)
    if (seen === undefined) throw new Error('nothing was delivered')
    const [pressed] = (delivery.payload.actions ?? []) as { action_ts?: string }[]
    return { seen, key: String(pressed?.action_ts ?? delivery.payload.trigger_id) }
  }
  /** A card that was not redrawn yet may not say that its button starts the release: then the person is asked. */
  async function startIfAsked(card: Message, user: string, pressed: Pressed, told: number): Promise<void> {
    const release = Number.parseInt(keyOf(card), 10)
    const isGiven = `select 1 from sign_off where release = ${release} and person_id = '${user}' and kind = '${pressed}'`
    const look = async () => {
      const answers = privately(slack, user).slice(told)
      return answers.find(asksToStart) ?? (answers.length > 0 || (await team.query(isGiven)).length > 0)
    }
    const asked = await team.waitFor('the sign-off, or a question', look, { atMostMs: 5_000 }).catch(() => false)
    if (typeof asked !== 'object') return
    const click = { user, channel: asked.channel, ts: asked.ts, actionId: START }
    await act('Start', () => deliver(() => slack.captureClick(click)))
  }
  /** The last thing that each person did, which may have been to open a modal. */
  const lastDone = new Map<string, () => Promise<void>>()
  const opensTooLate = () => slack.log.filter(({ error }) => error === 'expired_trigger_id').length
  async function done(user: string, again: () => Promise<void>): Promise<void> {
    lastDone.set(user, again)
    await again()
  }

  /**
   * People look at a card that says what it starts: a click on one that is out of date is asked about first. A story in which
   * Slack takes no card goes on after a while.
   */
  async function cardIsCurrent(): Promise<void> {
    const moving = `select 1 from inbox where handled_at is null
      union all select 1 from outbox where kind = 'card' and state = 'waiting'`
    const isStill = async () => (await team.query(moving)).length === 0
    await team.waitFor('a card that is current', isStill, { atMostMs: CARD_WITHIN_MS }).catch(() => undefined)
  }

  const team: Team = {
    ...setting,
    logs: [],
    running,
    configuration(role) {
      const read = readConfiguration({ env: team.env, cwd: directory, role })
      if (!read.ok) throw new Error(read.problems.join('\n'))
      return read.configuration
    },
    async start(role) {
      const pace = { ...QUICK, ...options.pace, times: { ...QUICK.times, ...options.pace?.times } }
      const started = await startSignoff(team.configuration(role), pace, {
        write(line) {
          team.logs.push(line)
          if (process.env.TEST_LOG_LEVEL !== undefined) process.stdout.write(line)
        },
      })
      running.push(started)
      if (options.mode === 'http' && role !== 'worker') slack.useHttp(`http://127.0.0.1:${started.port}/slack/events`)
      return started
    },
    async command(user, text) {
      const [command = '', ...rest] = text.split(' ')
      const typed = { user, channel: 'product', command, text: rest.join(' ') }
      await done(user, () => act(text, () => deliver(() => slack.captureCommand(typed))))
    },
    async click(user, pressed, number) {
      if (pressed === 'qa' || pressed === 'approval') await cardIsCurrent()
      const inVain = () => `a card that offers ${pressed}\n${slack.transcript('product')}`
      const card = await team.waitFor(inVain, () => cards(slack, number).findLast((each) => offers(each, pressed)))
      const click = { user, channel: 'product', ts: card.ts, actionId: BUTTON[pressed] }
      const question = questionOf(card, pressed)
      const told = privately(slack, user).length
      await done(user, () => act(pressed, () => deliver(() => slack.captureClick(click))))
      if (question === undefined && (pressed === 'qa' || pressed === 'approval'))
        await startIfAsked(card, user, pressed, told)
      return question
    },
    async clickPrivately(user, pressed) {
      const { channel, ts } = await team.waitFor(`a private message that offers ${pressed}`, () =>
        privately(slack, user).findLast((message) => offers(message, pressed)),
      )
      const click = { user, channel, ts, actionId: BUTTON[pressed] }
      await act(pressed, () => deliver(() => slack.captureClick(click)))
    },
    async modal(user, is = () => true) {
      let tooLate = opensTooLate()
      return team.waitFor(`a modal for ${user}`, async () => {
        const view = slack.openView(user)
        if (view !== undefined && is(view)) return view
        // Slack opens none three seconds after the press, as its person reads: they press again.
        if (opensTooLate() > tooLate) await lastDone.get(user)?.()
        tooLate = opensTooLate()
        return undefined
      })
    },
    async submit(user, values) {
      const view = await team.modal(user)
      const send = async () => ({
        seen: await slack.submit({ user, view, values: filledIn(view, values) }),
        key: view.id,
      })
      await act('a modal', send)
      // A refused modal stays open: who has read why gives up.
      if (slack.openView(user)?.id === view.id) await slack.closeView({ user, view })
    },
    until: createUntil({
      slack,
      query: (sql) => team.query(sql),
      waitFor: (what, look) => team.waitFor(what, look),
    }),
    told: (user, gate, ...facts) =>
      listen(user, [gate, ...facts].join(' and '), (message) => namesGate(message, gate) && hasAll(message, facts)),
    hears: (user, ...facts) => listen(user, facts.join(' and '), (message) => hasAll(message, facts)),
    async toldNext(user, act) {
      for (const { ts } of privately(slack, user)) heard.add(`${user} ${ts}`)
      await act()
      return listen(user, 'something', () => true)
    },
    waitFor: (what, look, more) => waitUntil(look, { what, moves, ...more }),
    eventually: (assertion) => eventually(assertion, { moves }),
    async releaseProduction(number) {
      await team.command(people.dana, '/deploy production')
      await team.until.awaitingSignOff(number)
      await team.click(people.lin, 'qa', number)
      await team.click(people.tom, 'approval', number)
      await team.until.succeeded(number)
    },
    card: (number) => cards(slack, number).at(-1),
    words: (message) => wordsOf(slack, message),
    thread: (number) => lines(slack, number).map((message) => wordsOf(slack, message)),
    transcript: () => slack.transcript('product'),
    async stepsDone(number) {
      const rows = await team.query<{ step: string }>(
        `select body::json->'data'->>'step' as step from event where release = ${number} and type = 'step_done' order by id`,
      )
      return rows.map(({ step }) => step)
    },
    async revisions(of) {
      const rows = await ask<{ version_num: string }>(databases[of].url, 'select version_num from alembic_version')
      return rows.map(({ version_num }) => version_num)
    },
    query: (sql) => ask(databases.store.url, sql),
    async close() {
      await Promise.all(running.map((each) => each.stop()))
      const leaks = await secretsSeen(team)
      await Promise.all([slack.close(), bitbucket.close(), heroku.close()])
      await Promise.all(Object.values(databases).map((database) => database.drop()))
      await rm(directory, { recursive: true, force: true })
      // The whole suite holds promise 8: none of the secrets that it plants gets out of any story.
      if (leaks.length > 0) throw new Error(`secrets got out: ${leaks.join('; ')}`)
    },
  }
  if (!options.unstarted) await startRoles(team, options)
  return team
}

/** `TEST_ROLES=apart npx vitest run test/features` tells every story with bot and worker apart. */
const ROLES = process.env.TEST_ROLES === 'apart' ? 'apart' : 'together'

async function startRoles(team: Team, { roles = ROLES }: TeamOptions): Promise<void> {
  if (roles === 'together') {
    await team.start('all')
  } else {
    await team.start('worker')
    await team.start('bot')
  }
}

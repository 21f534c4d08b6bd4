/** One release that is killed on its way, to its end, with what really happened because of it. */
import type { Harm, Match } from './fault-proxy.ts'
import { askAndSign, holdAutomaticDeploys, insist, stateOf } from './kill-people.ts'
import { arm, EFFECTS, type KillPoint } from './kill-points.ts'
import type { KillTeam, Victim } from './kill-team.ts'
import { judge } from './kill-verdict.ts'
import { ask } from './postgres.ts'
import { INTEGRATION, PRODUCTION } from './team.ts'
import {
  createTruth,
  type Effects,
  type Flow,
  INTEGRATION_OR_PRODUCTION,
  LEDGER,
  ledgerRow,
  type Truth,
  WITHOUT_MASTER,
} from './truth.ts'

export interface Kill {
  readonly point: KillPoint
  readonly victim: Victim
  /** What becomes of the request that was held, once its sender is dead. */
  readonly fate: 'go' | 'drop'
}

export interface Round {
  readonly flow: Flow
  readonly migrates: boolean
  readonly kills: readonly Kill[]
  /** The next request of this effect is answered wrongly; `looks`: the next that only reads. */
  readonly harm?: { readonly of: string; readonly harm: Harm }
}

export interface Verdict {
  readonly number: number
  /** How it ended; undefined: it did not. */
  readonly end: string | undefined
  /** How many of the kills came to their moment. */
  readonly killed: number
  readonly spoiled: number
  /** How often a person had to press Retry. */
  readonly retries: number
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  readonly guessed: readonly string[]
  readonly notEnded: readonly string[]
  readonly effects: Effects
}

export interface Rounds {
  play(round: Round): Promise<Verdict>
}

/** How long a release may take from the last word to its end, kills included, however much moves meanwhile. */
const END_WITHIN_MS = 600_000
const MOST_RETRIES = 3

/** Prepares a team for rounds: one after the other, each with its own commit. */
export async function createRounds(kills: KillTeam): Promise<Rounds> {
  const { team } = kills
  const truth = createTruth(team)
  for (const { url } of [team.databases.integration, team.databases.production]) await ask(url, LEDGER)
  const written: string[] = []
  let last = 0
  await holdAutomaticDeploys(kills)

  return {
    async play(round) {
      last += 1
      const name = `round-${last}`
      const migration = round.migrates ? name : undefined
      if (migration !== undefined) {
        await team.repository.addRevision({ message: `Add ${name}`, upgrade: ledgerRow(name) })
        written.push(name)
      }
      const commit = await team.repository.commit({
        files: { [`rounds/${name}.md`]: `${name}\n` },
        message: `Note ${name}`,
      })
      const database = team.databases[INTEGRATION_OR_PRODUCTION[round.flow]].url
      const there = await ask<{ migration: string }>(database, 'select migration from effects')
      const pending = written.filter(
        (each) => !WITHOUT_MASTER.includes(round.flow) && !there.some((row) => row.migration === each),
      )
      await truth.begin(round.flow)
      return play(kills, truth, round, { commit, migration, pending })
    },
  }
}

export interface Content {
  readonly commit: string
  readonly migration: string | undefined
  readonly pending: readonly string[]
}

async function play(kills: KillTeam, truth: Truth, round: Round, content: Content): Promise<Verdict> {
  const [next] = await kills.look<{ number: number }>('select coalesce(max(number), 0)::int + 1 as number from release')
  const number = next?.number ?? 0
  const app = appOf(round.flow)
  const ranBefore = kills.team.heroku.runs(app)
  const over = new AbortController()
  const spoiledBefore = spoiled(kills)
  if (round.harm !== undefined) spoil(kills, round.harm)
  let killed = 0
  const killing = (async () => {
    for (const kill of round.kills) {
      const armed = arm(kills, { number, flow: round.flow, migration: content.migration }, kill.point, over.signal)
      const reached = await armed.reached
      if (reached) await kills.kill(kill.victim)
      // Those who still run get its answer.
      armed.release(reached && dies(kill, kills) ? kill.fate : 'go')
      if (!reached) return
      killed += 1
      await kills.restart()
    }
  })()
  const problems: string[] = []
  let end: { state: string | undefined; retries: number } = { state: undefined, retries: 0 }
  try {
    await Promise.race([
      askAndSign(kills, number, round.flow, content.commit),
      killing.then(() => new Promise(() => {})),
    ])
    end = await ends(kills, number)
    await quiet(kills, truth, number)
  } catch (error) {
    problems.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown')
  }
  over.abort()
  await killing.catch((error) => problems.push(`killing: ${error instanceof Error ? error.message : ''}`))
  for (const proxy of Object.values(kills.proxies)) proxy.calm()
  await quiet(kills, truth, number).catch((error) => problems.push(error.message))
  const effects = await truth.effects(number)
  const wasSpoiled = spoiled(kills) > spoiledBefore
  const verdict = judge(round, content, { ...end, effects, wasSpoiled, ...(await wayOf(kills, number)) })
  if (end.state === undefined) await giveUp(kills, number)
  if (round.flow === 'automatic') await holdAutomaticDeploys(kills)
  const isRight = await runsWhatItShould(kills, round.flow, ranBefore)
  return {
    number,
    end: end.state,
    killed,
    spoiled: spoiled(kills) - spoiledBefore,
    retries: end.retries,
    effects,
    ...verdict,
    guessed: [
      ...verdict.guessed,
      ...(end.state === 'succeeded' && !isRight ? ['succeeded is told, and the platform runs something else'] : []),
    ],
    notEnded: problems,
  }
}

const appOf = (flow: Flow) => (INTEGRATION_OR_PRODUCTION[flow] === 'integration' ? INTEGRATION : PRODUCTION)

/** The head of the branch; after a rollback something that ran before, and not what ran then. */
async function runsWhatItShould({ team }: KillTeam, flow: Flow, before: string | undefined): Promise<boolean> {
  const runs = team.heroku.runs(appOf(flow))
  if (flow !== 'rollback') {
    return runs === (await team.repository.head(appOf(flow) === INTEGRATION ? 'master' : 'production'))
  }
  const ours = team.heroku.log.flatMap((event) =>
    event.app === PRODUCTION && event.kind === 'release made' ? [event.commit] : [],
  )
  return runs !== before && ours.slice(0, -1).some((commit) => commit === runs)
}

function spoiled({ proxies }: KillTeam): number {
  return Object.values(proxies).reduce((sum, proxy) => sum + proxy.spoiled(), 0)
}

const READS: Readonly<Record<string, Match>> = {
  'bitbucket looks': ({ method, path }) => method === 'GET' && path.startsWith('/2.0/'),
  'heroku looks': ({ method, path }) => method === 'GET' && path.startsWith('/apps/'),
  'slack looks': ({ path }) => /conversations\.|users\.|usergroups\./.test(path),
}

/** What an answer can be spoiled of, beside the effects. */
export const LOOKS_TO_SPOIL = Object.keys(READS)

function spoil({ proxies }: KillTeam, { of, harm }: { of: string; harm: Harm }): void {
  const effect = EFFECTS[of]
  const at = effect?.at ?? (['slack', 'bitbucket', 'heroku'] as const).find((service) => of.startsWith(service))
  const match = effect?.match ?? READS[of]
  if (at === undefined || match === undefined) throw new Error(`there is no effect called ${of}`)
  proxies[at].harm(match, harm)
}

/** Whether the process that waits for the held answer has died. */
function dies({ point, victim }: Kill, { isEmbedded }: KillTeam): boolean {
  if (isEmbedded || victim === 'both') return true
  const isBots = EFFECTS[point.step]?.at === 'slack'
  return isBots ? victim === 'bot' : victim === 'worker'
}

const OVER = ['succeeded', 'refused', 'rejected', 'cancelled', 'expired', 'outdated', 'failed', 'closed']

/** Waits for its end; where it needs attention a person presses Retry. */
async function ends(kills: KillTeam, number: number): Promise<{ state: string; retries: number }> {
  let retries = 0
  const state = await kills.team.waitFor(
    `the end of #${number}`,
    async () => {
      // Time passes for what waits to be tried again.
      await kills.look(`update pgboss.job set start_after = now() where state = 'retry' and start_after > now()`)
      const now = await stateOf(kills, number)
      if (now === 'needs attention' && retries < MOST_RETRIES) {
        retries += 1
        await insist(
          kills,
          'Retry to be taken',
          () => kills.team.click(kills.team.people.dana, 'retry'),
          async () => (await stateOf(kills, number)) !== 'needs attention',
        )
        return undefined
      }
      return OVER.find((each) => each === now)
    },
    { atMostMs: END_WITHIN_MS, everyMs: 100 },
  )
  return { state, retries }
}

/** Waits until nothing of it is under way any more: no message, no job. */
async function quiet(kills: KillTeam, truth: Truth, number: number): Promise<void> {
  await kills.team.waitFor(
    `#${number} to be told`,
    async () => {
      const [open] = await kills.look<{ open: number }>(
        `select ((select count(*) from outbox where state = 'waiting') +
                 (select count(*) from pgboss.job where state in ('active', 'retry', 'created') and start_after <= now() + interval '1 minute'))::int as open`,
      )
      await kills.look(`update pgboss.job set start_after = now() where state = 'retry' and start_after > now()`)
      const isOwed = OVER.includes((await stateOf(kills, number)) ?? '') && (await wayOf(kills, number)).isPlanned
      return open?.open === 0 && (!isOwed || (await truth.effects(number)).outcomes > 0)
    },
    { atMostMs: END_WITHIN_MS, everyMs: 100 },
  )
}

async function giveUp(kills: KillTeam, number: number): Promise<void> {
  await kills.look(`update release set state = 'closed', ended_at = now() where number = ${number}`)
}

/** How far it came: one with a plan has a card, and one whose run has begun was announced. */
async function wayOf(kills: KillTeam, number: number): Promise<{ isPlanned: boolean; hasBegun: boolean }> {
  const [way] = await kills.look<{ isPlanned: boolean; hasBegun: boolean }>(
    `select plan is not null as "isPlanned",
            exists (select 1 from event where release = number and type = 'run_started') as "hasBegun"
     from release where number = ${number}`,
  )
  return way ?? { isPlanned: false, hasBegun: false }
}

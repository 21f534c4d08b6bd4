/** The moments of a release at which its processes are killed, and how each is met. */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { FaultProxy, Match } from './fault-proxy.ts'
import type { KillTeam } from './kill-team.ts'
import { type Flow, INTEGRATION_OR_PRODUCTION } from './truth.ts'

export const WHENS = [
  'before the intent',
  'after the intent',
  'before the effect',
  'after the effect',
  'after the result',
] as const
export type When = (typeof WHENS)[number]

export interface KillPoint {
  readonly step: string
  readonly when: When
}

type Service = keyof KillTeam['proxies']

const post =
  (end: string, holds = ''): Match =>
  ({ method, path, body }) =>
    method === 'POST' && path.endsWith(end) && body.includes(holds)

/** A push's first request may be a probe of four bytes. */
const pushOf: Match = ({ path, body }) => path.endsWith('/git-receive-pack') && body.length > 4

/** The request that is the effect, by the service that gets it. */
export const EFFECTS: Readonly<Record<string, { readonly at: Service; readonly match: Match }>> = {
  'pull request': { at: 'bitbucket', match: post('/pullrequests') },
  card: { at: 'slack', match: post('/chat.postMessage', ':card"') },
  announce: { at: 'slack', match: post('/chat.postMessage', ':announcement"') },
  record: { at: 'bitbucket', match: post('/comments') },
  merge: { at: 'bitbucket', match: post('/merge') },
  pick: { at: 'bitbucket', match: pushOf },
  push: { at: 'heroku', match: pushOf },
  'slug release': { at: 'heroku', match: post('/releases') },
  outcome: { at: 'slack', match: post('/chat.postMessage', 'reply_broadcast=true') },
}

/** What a release only reads: held from when its step has begun. */
const LOOKS: Readonly<Record<string, { readonly at: Service; readonly match: Match }>> = {
  sync: { at: 'bitbucket', match: ({ path }) => path.includes('git-upload-pack') },
  confirm: { at: 'heroku', match: ({ path }) => path.includes('/releases') },
}

const STEPS: Readonly<Record<Flow, readonly string[]>> = {
  integration: ['plan', 'card', 'sync', 'verify', 'migrate', 'push', 'confirm', 'outcome'],
  production: [
    'plan',
    'pull request',
    'card',
    'announce',
    'record',
    'merge',
    'sync',
    'verify',
    'migrate',
    'push',
    'confirm',
    'outcome',
  ],
  'hot-fix': ['plan', 'card', 'announce', 'pick', 'record', 'sync', 'verify', 'push', 'confirm', 'outcome'],
  rollback: ['plan', 'card', 'announce', 'slug release', 'confirm', 'record', 'outcome'],
  scheduled: ['plan', 'pull request', 'card', 'start', 'announce', 'merge', 'migrate', 'push', 'outcome'],
  automatic: ['request', 'plan', 'card', 'migrate', 'push', 'confirm', 'outcome'],
}

/** Every moment of a flow. */
export function pointsOf(flow: Flow): readonly KillPoint[] {
  return STEPS[flow].flatMap((step) => WHENS.filter((when) => canBeMet(step, when)).map((when) => ({ step, when })))
}

function canBeMet(step: string, when: When): boolean {
  const isEffect = when === 'before the effect' || when === 'after the effect'
  if (step === 'plan' || step === 'start' || step === 'request')
    return when === 'before the intent' || when === 'after the result'
  if (step === 'verify') return !isEffect
  if (step === 'card' || step === 'outcome' || step === 'pull request' || step === 'slug release') return isEffect
  return true
}

/** A moment to wait for. `over` ends the waiting. */
export interface Armed {
  readonly reached: Promise<boolean>
  /** What was held goes on, or never arrives. */
  release(fate: 'go' | 'drop'): void
}

/** Waits for a moment of a release; `migration` names the row that its migration adds to the ledger. */
export function arm(
  kills: KillTeam,
  release: { readonly number: number; readonly flow: Flow; readonly migration: string | undefined },
  { step, when }: KillPoint,
  over: AbortSignal,
): Armed {
  if (when === 'before the effect' || when === 'after the effect') {
    if (step === 'migrate') return armMigration(kills, release, when, over)
    const effect = EFFECTS[step]
    if (effect !== undefined) return held(kills.proxies[effect.at], effect.match, when, over)
    return armLook(kills, release.number, step, when, over)
  }
  return { reached: stored(kills, release.number, step, when, over), release: () => undefined }
}

function held(
  proxy: FaultProxy,
  match: Match,
  when: 'before the effect' | 'after the effect',
  over: AbortSignal,
): Armed {
  const hold = proxy.hold(match, when === 'before the effect' ? 'before' : 'after')
  return {
    reached: Promise.race([hold.arrived.then(() => true), ended(over)]),
    release: (fate) => (fate === 'go' ? hold.letGo() : hold.drop()),
  }
}

/**
 * Held from the moment at which the step has begun; a look that was quicker counts as reached all the same. One that
 * confirms is as quick as Heroku: that takes its time over the release until it has been held.
 */
function armLook(
  kills: KillTeam,
  number: number,
  step: string,
  when: 'before the effect' | 'after the effect',
  over: AbortSignal,
): Armed {
  const look = LOOKS[step]
  let release: Armed['release'] = () => undefined
  const released = Promise.withResolvers<void>()
  if (step === 'confirm') kills.team.heroku.slowRelease(released.promise)
  over.addEventListener('abort', () => released.resolve(), { once: true })
  const reached = (async () => {
    if (look === undefined || !(await stored(kills, number, step, 'after the intent', over))) return false
    const quick = AbortSignal.any([over, AbortSignal.timeout(300)])
    const armed = held(kills.proxies[look.at], look.match, when, quick)
    release = armed.release
    await armed.reached
    return !over.aborted
  })()
  return {
    reached,
    release(fate) {
      released.resolve()
      release(fate)
    },
  }
}

/** In the database itself: before, its ledger is locked and the migration waits; after, its row is there. */
function armMigration(
  { team }: KillTeam,
  { flow, migration }: { flow: Flow; migration: string | undefined },
  when: 'before the effect' | 'after the effect',
  over: AbortSignal,
): Armed {
  const client = new pg.Client({ connectionString: team.databases[INTEGRATION_OR_PRODUCTION[flow]].url })
  client.on('error', () => undefined)
  const waiting = `select pid from pg_locks where relation = 'effects'::regclass and not granted`
  const done = `select 1 from effects where migration = '${migration}'`
  const reached = (async () => {
    await client.connect()
    if (when === 'before the effect') await client.query('begin; lock table effects in access exclusive mode')
    return met(async () => (await client.query(when === 'before the effect' ? waiting : done)).rows.length > 0, over)
  })()
  const release = async (fate: 'go' | 'drop') => {
    await reached
    if (when === 'before the effect' && fate === 'drop') {
      await client.query(`select pg_terminate_backend(pid) from (${waiting}) as waits`)
    }
    await client.end()
  }
  return { reached, release: (fate) => void release(fate).catch(() => undefined) }
}

/** A moment that can be seen in the store as it is written. */
function stored(kills: KillTeam, number: number, step: string, when: When, over: AbortSignal): Promise<boolean> {
  const event = (type: string, ofStep?: string) =>
    `select 1 from event where release = ${number} and type = '${type}'${ofStep === undefined ? '' : ` and body::json->'data'->>'step' = '${ofStep}'`}`
  const before = `(select steps.value from release, json_array_elements_text(plan->'steps') with ordinality as steps
    where number = ${number} and ordinality = (
      select ordinality - 1 from json_array_elements_text(plan->'steps') with ordinality where value = '${step}'))`
  const sql: Readonly<Record<string, string>> = {
    'plan before the intent': event('release_requested'),
    'plan after the result': event('plan_made'),
    'start before the intent': event('release_scheduled'),
    'start after the result': event('release_approved'),
    'request before the intent': "select 1 from head where state = 'due'",
    'request after the result': event('release_requested'),
    'announce before the intent': event('announcement_sent'),
    'announce after the intent': `select 1 from outbox where release = ${number} and kind = 'announcement' and tries > 0`,
    'announce after the result': event('announcement_confirmed'),
  }
  const ofSteps: Readonly<Partial<Record<When, string>>> = {
    'before the intent': `select 1 from event where release = ${number} and (
      type = 'step_done' and body::json->'data'->>'step' = ${before}
      or type = 'run_started' and coalesce(${before}, 'announce') = 'announce')`,
    'after the intent': event('step_started', step),
    'after the result': event('step_done', step),
  }
  const asked = sql[`${step} ${when}`] ?? ofSteps[when] ?? ''
  return met(async () => (await kills.look(asked)).length > 0, over)
}

async function met(ask: () => Promise<boolean>, over: AbortSignal): Promise<boolean> {
  while (!over.aborted && !(await ask())) await delay(10)
  return !over.aborted
}

function ended(over: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    if (over.aborted) resolve(false)
    over.addEventListener('abort', () => resolve(false), { once: true })
  })
}

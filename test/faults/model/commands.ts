/** What may happen to releases, as data: people, processes, branches, time and faults, in any order. */
import fc from 'fast-check'

import { isAutomatic } from '../../../src/release/automatic.ts'
import { awaitsGo } from '../../../src/release/hotfix.ts'
import type { LockPlace } from '../../../src/release/lock.ts'

import type { Release } from '../../../src/release/release.ts'
import { hasEnded, type SignOffKind } from '../../../src/release/terms.ts'
import { aMigration, DANA, LIN, TOM } from '../../support/builders.ts'
import { commandOf } from '../../support/simulation/clicks.ts'
import type { FaultKind, Role } from '../../support/simulation/faults.ts'
import { NIA, type Rules } from '../../support/simulation/setting.ts'
import type { Answered, Simulation } from '../../support/simulation/simulation.ts'
import { commitByHand, migrate } from './by-hand.ts'

export type Command =
  | { readonly is: 'request' | 'hotfix'; readonly environment: string; readonly by: string }
  /** Those whose sign-off is missing give it. */
  | { readonly is: 'schedule'; readonly environment: string; readonly by: string; readonly inMs: number }
  | { readonly is: 'roll back'; readonly environment: string; readonly by: string }
  | { readonly is: 'mark'; readonly as: 'bad' | 'good'; readonly by: string; readonly of: number }
  | { readonly is: 'start now'; readonly by: string; readonly of: number }
  | { readonly is: 'change time'; readonly by: string; readonly of: number; readonly inMs: number }
  | { readonly is: 'go on'; readonly of: number }
  | { readonly is: 'sign'; readonly kind: SignOffKind; readonly by: string; readonly of: number }
  /** That was not me, on the receipt of a sign-off that stands; where there is none, of one that was never given. */
  | { readonly is: 'not me'; readonly of: number }
  | { readonly is: 'cancel' | 'retry' | 'close' | 'plan again'; readonly by: string; readonly of: number }
  /** `where`: as it is typed. */
  | { readonly is: 'lock' | 'unlock' | 'take over' | 'tell when free'; readonly where: string; readonly by: string }
  | { readonly is: 'push'; readonly branch: string; readonly migration: boolean }
  | { readonly is: 'push by hand'; readonly environment: string }
  | { readonly is: 'deactivate'; readonly person: string }
  | { readonly is: 'crash' | 'restart'; readonly who: Role | 'both' }
  | { readonly is: 'crash at' | 'stand still at' | 'lose an answer'; readonly at: FaultAt }
  | { readonly is: 'tick'; readonly ms: number }
  | { readonly is: 'deliver again'; readonly how: 'same id' | 'new id' }
  | { readonly is: 'second worker' }
  | { readonly is: 'pause the worker' | 'Slack down'; readonly ms: number }

/** What goes wrong with the next call of this name. */
export interface FaultAt {
  readonly role: Role
  readonly call: string
  readonly fault: FaultKind
  readonly who: Role | 'both'
}

const S = 1_000
const MIN = 60_000

/** Sign-offs have an hour and are told to who gave them, and every migration must be talked over. */
export const RULES: Rules = {
  signOff: { expiresAfterMs: 60 * MIN, receipts: true },
  production: { migrations: [aMigration({ talkItOver: ['adds'] })] },
}

const CHANGES = ['git.push', 'forge.merge', 'migrator.upgrade', 'forge.createPullRequest', 'forge.comment']
const LOOKS = [
  'git.heads',
  'git.fetch',
  'git.fetchAll',
  'git.deleteBranch',
  'forge.findPullRequest',
  'forge.pullRequest',
  'forge.findComment',
  'forge.decline',
  'platform.releases',
  'platform.confirm',
  'platform.releaseAgain',
  'migrator.status',
  'migrator.revisions',
]
const SLACK = [
  'slack.postMessage',
  'slack.update',
  'slack.history',
  'slack.replies',
  'slack.open',
  'interactive.open',
  'directory.person',
  'directory.groupMembers',
]
const STORE = ['store.transaction', 'outbox.trying', 'outbox.confirmed', 'inbox.receive', 'inbox.handled']

const worker = (call: string) => ({ role: 'worker' as const, call })
const bot = (call: string) => ({ role: 'bot' as const, call })
const OUTSIDE = [...CHANGES, ...CHANGES, ...LOOKS].map(worker)
const SEAMS = [
  ...OUTSIDE,
  ...SLACK.map(bot),
  ...STORE.map(bot),
  worker('store.transaction'),
  worker('store.transaction'),
]

const person = fc.constantFrom(DANA.id, LIN.id, TOM.id, NIA.id)
const environment = fc.constantFrom('production', 'production', 'production', 'integration')
const of = fc.constantFrom(0, 0, 0, 1)
/** Some are past when they are handled. */
const inMs = fc.constantFrom(0, 2 * MIN, 4 * MIN, 10 * MIN, 30 * MIN, 70 * MIN)
const who = fc.constantFrom<Role | 'both'>('bot', 'worker', 'worker', 'both')

const lostAt = fc
  .tuple(
    fc.constantFrom(...OUTSIDE, ...SLACK.map(bot), ...SLACK.map(bot), ...STORE.map(bot), worker('store.transaction')),
    fc.constantFrom<FaultKind>(
      'timeout applied',
      'timeout applied',
      'timeout late',
      'timeout not applied',
      '5xx after',
      '5xx before',
      '429',
    ),
    who,
  )
  .map(([seam, fault, dies]): FaultAt => ({ ...seam, who: dies, fault: inItsWay(seam.call, fault) }))

/** Made twice by two requests that are both on their way: their servers know no condition, and no fence reaches so far. */
const UNCONDITIONAL = [
  'forge.createPullRequest',
  'forge.comment',
  'platform.releaseAgain',
  'slack.postMessage',
  'slack.open',
]

/** What can happen to this call. */
function inItsWay(call: string, fault: FaultKind): FaultKind {
  // The store is not asked over HTTP: its connection breaks, before the commit or after it.
  if (STORE.includes(call)) {
    return fault.endsWith(' applied') || fault === '5xx after' ? 'store down after' : 'store down before'
  }
  // A look that is done later changes nothing.
  const isSlow = CHANGES.includes(call) && !UNCONDITIONAL.includes(call)
  return fault === 'timeout late' && !isSlow ? 'timeout applied' : fault
}

const at = (seams: readonly { role: Role; call: string }[], faults: readonly FaultKind[]) =>
  fc
    .record({ seam: fc.constantFrom(...seams), fault: fc.constantFrom(...faults), who })
    .map(({ seam, fault, who: dies }): FaultAt => ({ ...seam, fault, who: dies }))

const STANDS_STILL = SEAMS.filter(({ call }) => !UNCONDITIONAL.includes(call))

/** Weighted so that releases come to their ends while nearly everything goes wrong on the way. */
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ is: fc.constant('request' as const), environment, by: person }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('hotfix' as const), environment, by: person }) },
  { weight: 16, arbitrary: fc.record({ is: fc.constant('go on' as const), of }) },
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant('sign' as const),
      kind: fc.constantFrom<SignOffKind>('qa', 'approval', 'talked over', 'rejection', 'emergency'),
      by: person,
      of,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      is: fc.constantFrom(
        'cancel' as const,
        'retry' as const,
        'retry' as const,
        'close' as const,
        'plan again' as const,
      ),
      by: person,
      of,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('push' as const),
      branch: fc.constantFrom('master', 'master', 'production'),
      migration: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constantFrom(
        'lock' as const,
        'lock' as const,
        'unlock' as const,
        'unlock' as const,
        'take over' as const,
        'tell when free' as const,
      ),
      where: fc.constantFrom('api production', 'api production', 'api integration', 'all'),
      by: person,
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('push by hand' as const), environment }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('deactivate' as const), person }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('crash' as const), who }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('restart' as const), who: fc.constant('both' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant('crash at' as const),
      at: at(SEAMS, ['kill before', 'kill after', 'kill during']),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('stand still at' as const),
      at: at(STANDS_STILL, ['stall before', 'stall after']),
    }),
  },
  { weight: 6, arbitrary: fc.record({ is: fc.constant('lose an answer' as const), at: lostAt }) },
  {
    weight: 14,
    arbitrary: fc.record({
      is: fc.constant('tick' as const),
      ms: fc.constantFrom(2 * S, 7 * S, 15 * S, 15 * S, MIN, MIN, 3 * MIN, 6 * MIN, 20 * S, 20 * S, 20 * S, 62 * MIN),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('deliver again' as const),
      how: fc.constantFrom('same id' as const, 'new id' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('second worker' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ is: fc.constant('pause the worker' as const), ms: fc.constantFrom(40 * S, 3 * MIN) }),
  },
  { weight: 4, arbitrary: fc.record({ is: fc.constant('schedule' as const), environment, by: person, inMs }) },
  { weight: 4, arbitrary: fc.record({ is: fc.constant('roll back' as const), environment, by: person }) },
  {
    weight: 1,
    arbitrary: fc.record({ is: fc.constant('mark' as const), as: fc.constantFrom('bad', 'good'), by: person, of }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('not me' as const), of }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('start now' as const), by: person, of }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('change time' as const), by: person, of, inMs }) },
  {
    weight: 1,
    arbitrary: fc.record({ is: fc.constant('Slack down' as const), ms: fc.constantFrom(MIN, 10 * MIN, 65 * MIN) }),
  },
)

export const sequence: fc.Arbitrary<readonly Command[]> = fc
  .record({
    first: fc.record({
      is: fc.constantFrom('request' as const, 'request' as const, 'hotfix' as const),
      environment,
      by: person,
    }),
    rest: fc.array(command, { minLength: 2, maxLength: 21, size: 'max' }),
  })
  .map(({ first, rest }) => [first, ...rest])

/** Lets it happen; gives what the person who did it read. Undefined: nobody did anything, or nobody could. */
export async function carryOut(sim: Simulation, what: Command): Promise<Answered | undefined> {
  switch (what.is) {
    case 'request':
      return sim.request(what.environment, what.by)
    case 'hotfix':
      return sim.hotfix(what.environment, what.by)
    case 'schedule':
      return sim.schedule(
        moment(sim.now() + what.inMs)
          .slice(0, 16)
          .replace('T', ' '),
        what.environment,
        what.by,
      )
    case 'roll back':
      return sim.rollbackByCommand(what.environment, what.by, { locks: sim.now() % 4 === 0 })
    case 'mark':
      return mark(sim, what)
    case 'go on':
      return goOn(sim, what.of)
    case 'not me':
      return notMe(sim, what.of)
    case 'tick':
      await sim.tick(what.ms)
      return undefined
    case 'deliver again':
      return sim.deliverAgain(what.how)
    case 'lock':
    case 'unlock':
    case 'take over':
    case 'tell when free':
      return lockOrUnlock(sim, what)
    case 'sign':
    case 'cancel':
    case 'retry':
    case 'close':
    case 'plan again':
    case 'start now':
    case 'change time':
      return press(sim, what)
    default:
      happen(sim, what)
      return undefined
  }
}

const moment = (ms: number) => new Date(ms).toISOString()

/** The newest release that is under way, or the one before; without one, the newest. */
function theOne(sim: Simulation, back: number): Release | undefined {
  const underWay = sim.releases().filter(({ state }) => !hasEnded(state))
  return underWay.at(-1 - back) ?? underWay.at(-1) ?? sim.releases().at(-1)
}

async function press(
  sim: Simulation,
  what: Extract<Command, { of: number; by: string }>,
): Promise<Answered | undefined> {
  const release = theOne(sim, what.of)
  if (release === undefined) return undefined
  const { number } = release
  switch (what.is) {
    case 'sign':
      return sim.sign(what.kind, what.by, number)
    case 'cancel':
      return sim.cancel(what.by, number)
    case 'retry':
      return sim.retry(what.by, number)
    case 'close':
      return sim.close(what.by, number)
    case 'plan again':
      return sim.planAgain(what.by, number)
    case 'start now':
      return sim.startNow(what.by, number)
    case 'change time':
      return sim.changeTime(new Date(sim.now() + what.inMs), what.by, number)
  }
}

/** Who signed last says that somebody else did. */
async function notMe(sim: Simulation, back: number): Promise<Answered | undefined> {
  const release = theOne(sim, back)
  const last = release?.signOffs.at(-1)
  return release === undefined || last === undefined ? undefined : sim.notMe(last.kind, last.person.id, release.number)
}

/** One of the newest releases that have succeeded. */
async function mark(sim: Simulation, { as, by, of }: Extract<Command, { is: 'mark' }>): Promise<Answered | undefined> {
  const release = sim
    .releases()
    .filter(({ state }) => state === 'succeeded')
    .at(-1 - of)
  if (release === undefined) return undefined
  const text = as === 'bad' ? `bad ${release.number} because it broke` : `good ${release.number}`
  return sim.deliver((id) => commandOf('deploy', text, by, id))
}

/** Locks end by themselves after a while, so that releases come to their ends. */
async function lockOrUnlock(
  sim: Simulation,
  { is, where, by }: Extract<Command, { where: string }>,
): Promise<Answered | undefined> {
  const say = (text: string) => sim.deliver((id) => commandOf('deploy', text, by, id))
  if (is === 'lock') return say(`lock ${where} for ${sim.now() % 2 === 0 ? '20min' : '5min'} because we test`)
  if (is === 'unlock') return say(`unlock ${where}`)
  const open = sim.memory.peoplesLocks().find(({ on, ended }) => ended === undefined && placeOf(on) === where)
  if (open === undefined) return undefined
  return is === 'take over'
    ? sim.takeOver(open.id, by)
    : sim.control('tell when free', { is: 'environment', app: 'api', environment: 'production' }, by)
}

function placeOf(on: LockPlace): string {
  return on.is === 'all' ? 'all' : `${on.app} ${on.environment}`
}

/** As a team that wants it out: the next word that is owed, by one who may say it; a retry; or some time. */
async function goOn(sim: Simulation, back: number): Promise<Answered | undefined> {
  const release = theOne(sim, back)
  if (release === undefined) return undefined
  const { number, state, signOffs, plan, requester } = release
  const has = (kind: SignOffKind) => signOffs.some((each) => each.kind === kind)
  // Anybody helps a release that nobody requested.
  if (state === 'needs attention') return sim.retry(isAutomatic(release) ? DANA.id : requester.id, number)
  if (state !== 'awaiting sign-off') {
    await sim.tick(20 * S)
    return undefined
  }
  if (awaitsGo(release)) return sim.go(requester.id, number)
  if (!has('qa')) return sim.sign('qa', LIN.id, number)
  const approver = requester.id === TOM.id ? NIA.id : TOM.id
  if ((plan?.migrations.length ?? 0) > 0 && !has('talked over')) return sim.sign('talked over', approver, number)
  return sim.sign('approval', approver, number)
}

function happen(sim: Simulation, what: Command): void {
  switch (what.is) {
    case 'push':
      if (what.migration) migrate(sim, what.branch)
      else sim.pushToBranch(what.branch)
      break
    case 'push by hand':
      commitByHand(sim, what.environment)
      break
    case 'deactivate':
      sim.deactivate(what.person)
      break
    case 'crash':
      sim.crash(what.who)
      break
    case 'restart':
      sim.restart(what.who)
      break
    case 'crash at':
    case 'stand still at':
    case 'lose an answer': {
      const { role, call, fault, who: dies } = what.at
      const nth = sim.plan.calls.filter((each) => each.role === role && each.call === call).length + 1
      sim.plan.add({ role, call, fault, nth, ...(fault.startsWith('kill') && { who: dies }) })
      break
    }
    case 'second worker':
      sim.secondWorker()
      break
    case 'pause the worker':
      sim.pauseWorker(what.ms)
      break
    case 'Slack down':
      sim.slackDown(what.ms)
      break
    default:
  }
}

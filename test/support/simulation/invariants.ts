/** What must hold after every step of every run (docs/promises.md): asked of what happened outside, and of the store's record. */

import { chainHash } from '../../../src/adapters/store/chain.ts'
import { canonicalJson } from '../../../src/lib/canonical-json.ts'
import { isAutomatic, isHeldBack, isQuietRefusal, SIGNOFF } from '../../../src/release/automatic.ts'
import { producedCommit } from '../../../src/release/bound.ts'
import type { StoredEvent } from '../../../src/release/events.ts'
import { frozenAt } from '../../../src/release/freezes.ts'
import { databasesOf } from '../../../src/release/plan.ts'
import { canProceed, owed } from '../../../src/release/policy.ts'
import type { Release } from '../../../src/release/release.ts'
import type { App, Environment } from '../../../src/release/settings.ts'
import { findEnvironment } from '../../../src/release/settings.ts'
import { hasEnded, type StepName } from '../../../src/release/terms.ts'
import { cardText } from '../../../src/slack/views/card-text.ts'
import { SERVICES } from '../builders.ts'
import { SECRET_FORMS } from './failures.ts'
import type { MemoryStore } from './memory-store.ts'
import type { Effect } from './truth.ts'
import type { World } from './world.ts'

export interface Looked {
  readonly app: App
  readonly world: World
  readonly memory: MemoryStore
  /** How far the store's clock is from the world's, at most, in ms. */
  readonly clockOff: number
  readonly now: number
  /** Since when a bot and its store have been there without a pause. */
  readonly botSince: number
  /** When a worker was awake last. */
  readonly workerSeenAt: number
}

/** One sentence for each invariant that does not hold, with its number; none: all hold. */
export function brokenInvariants(looked: Looked): readonly string[] {
  return [
    ...atMostOnce(looked),
    ...effectsAreSigned(looked),
    ...startsWhereItMay(looked),
    ...onlyProvenIsGoneBackTo(looked),
    ...oneAtATime(looked),
    ...startsAtItsTime(looked),
    ...stopMeansStop(looked),
    ...nothingAfterTheJobWasLost(looked),
    ...nothingWaitsInVain(looked),
    ...chainHolds(looked),
    ...headsAreOfTheChain(looked),
    ...nothingSecret(looked),
    ...oneReleaseForAHead(looked),
    ...nothingToSignoff(looked),
    ...nobodyIsToldTwice(looked),
    ...oneReceiptForASignOff(looked),
    ...nothingStartsUnderALock(looked),
  ]
}

/** A head gets another release by itself only where the one before was held back before it began. */
function oneReleaseForAHead({ memory }: Looked): readonly string[] {
  const requests = memory.events().flatMap((event) => {
    if (event.type !== 'release_requested' || event.actor !== SIGNOFF.id) return []
    const release = memory.releases().find(({ number }) => number === event.release)
    return release === undefined || isHeldBack(release) ? [] : [`${release.environment} ${event.data.head}`]
  })
  const twice = requests.filter((each, index) => requests.indexOf(each) < index)
  return twice.map((head) => `I11: a head was deployed twice by itself: ${head}`)
}

/** Signoff itself is nobody: it has no mailbox. */
function nothingToSignoff({ memory, world }: Looked): readonly string[] {
  const told = memory.outboxRows().filter(({ message }) => message.kind === 'private' && message.to === SIGNOFF.id)
  const mentioned = world.slack.messages.filter(({ text }) => text.includes(`<@${SIGNOFF.id}>`))
  return [...told, ...mentioned].length === 0 ? [] : ['I12: Signoff was written to, or mentioned']
}

/** Each fact reaches a person once: in a direct message, or by a mention in the channel. I1 has that neither comes twice. */
function nobodyIsToldTwice({ world }: Looked): readonly string[] {
  return world.slack.messages.flatMap(({ channel, metadata }) => {
    const key = metadata?.event_payload.key ?? ''
    const [, fact = ''] = /^(\d+:(?:attention:\d+|reminder)):[UW]\w+$/.exec(key) ?? []
    const person = channel.replace(/^D-/, '')
    const isMentioned = JSON.stringify(world.slack.withKey(fact)?.blocks ?? '').includes(`<@${person}>`)
    return isMentioned ? [`I14: ${person} was told of ${fact} in private, and mentioned`] : []
  })
}

/** A person gets a receipt for each time that they have signed, and no other. I1 has that none comes twice. */
function oneReceiptForASignOff({ memory }: Looked): readonly string[] {
  const told = memory.outboxRows().flatMap(({ message }) => {
    if (message.kind !== 'private' || message.message.is !== 'receipt') return []
    return [`${message.message.kind} of #${message.message.number} to ${message.to}`]
  })
  const given = memory.events().flatMap(({ type, release, actor, data }) => {
    return type === 'sign_off_given' ? [`${data.kind} of #${release} to ${actor}`] : []
  })
  const count = (all: readonly string[], one: string) => all.filter((each) => each === one).length
  return [...new Set(told)]
    .filter((one) => count(told, one) > count(given, one))
    .map((one) => `I14: more receipts than sign-offs: ${one}`)
}

/** What must hold besides when nothing moves any more. */
export function brokenAtRest(looked: Looked): readonly string[] {
  return [...outcomesAreKnown(looked), ...everyEndIsTold(looked), ...cardsShowWhatIsStored(looked)]
}

function environmentOf({ app }: Looked, { environment }: Release): Environment {
  const found = findEnvironment(app, environment)
  if (found === undefined) throw new Error(`${environment} is not declared`)
  return found
}

function atMostOnce({ world }: Looked): readonly string[] {
  const doubled = world.truth.doubled().map((key) => `I1: happened twice: ${key}`)
  const overlaps = world.migrator.overlaps
  return overlaps === 0 ? doubled : [...doubled, `I4: two migrations of one database at once, ${overlaps} times`]
}

/** The release whose effect this is, with the step that brought it about: the last one that has begun it, where several planned it. */
function causeOf(looked: Looked, effect: Effect): { release: Release; step: StepName } | undefined {
  const causes = looked.memory.releases().flatMap((release) => {
    const step = stepOf(looked, release, effect)
    return step === undefined ? [] : [{ release, step }]
  })
  const begun = causes.filter(({ release, step }) => beganBy(looked, release, step, effect.at))
  return begun.at(-1) ?? causes.at(-1)
}

function beganBy({ memory, clockOff }: Looked, { number }: Release, step: StepName, at: number): boolean {
  return memory.events().some((event) => {
    const isStart = event.type === 'step_started' && event.release === number && event.data.step === step
    return isStart && event.at.getTime() <= at + clockOff
  })
}

/** The step of this release that has, or would have, this effect. */
function stepOf(looked: Looked, release: Release, { kind, key, where, commit }: Effect): StepName | undefined {
  const { plan, number } = release
  if (plan === undefined) return undefined
  const { remote } = environmentOf(looked, release)
  const goes = commit === producedCommit(release)
  switch (kind) {
    case 'merge':
      return key === `PR ${plan.pullRequest?.id}` ? 'merge' : undefined
    case 'pick':
      return plan.hotfix && goes ? 'pick' : undefined
    case 'push':
      // Where the platform runs an earlier slug again, nothing is pushed.
      return where === remote.name && goes && plan.bound.rollback?.artifact == null ? 'push' : undefined
    case 'migration': {
      const pending = databasesOf(plan.bound).flatMap((database) => database.pending)
      const names = pending.map((revision) => `${release.environment} ${revision}`)
      return names.includes(key) ? 'migrate' : undefined
    }
    case 'comment':
      return key.includes(`release #${number},`) ? 'record' : undefined
    default:
      return undefined
  }
}

const OF_A_RUN = ['merge', 'pick', 'push', 'migration', 'comment']

function effectsAreSigned(looked: Looked): readonly string[] {
  const { world, memory, clockOff } = looked
  const broken: string[] = []
  for (const effect of world.truth.effects) {
    if (!OF_A_RUN.includes(effect.kind)) continue
    const cause = causeOf(looked, effect)
    if (cause === undefined) {
      broken.push(`I3: nobody signed this: ${effect.kind} ${effect.key}`)
      continue
    }
    const { release, step } = cause
    const environment = environmentOf(looked, release)
    const events = memory.events().filter((event) => event.release === release.number)
    const by = (at: Date | undefined) => at !== undefined && at.getTime() <= effect.at + clockOff
    if (!beganBy(looked, release, step, effect.at))
      broken.push(`I6: no intent before ${effect.kind} ${effect.key} of #${release.number}`)
    if (environment.announce === 'required') {
      const confirmed = events.some(({ type, at }) => type === 'announcement_confirmed' && by(at))
      const key = `${release.number}:announcement`
      const seen = world.truth.of('message').some((message) => message.key === key && message.at <= effect.at)
      if (!confirmed || !seen) broken.push(`I2: ${effect.kind} of #${release.number} before its announcement`)
    }
    const began = events.findLast(({ type, data, at }) => type === 'step_started' && data.step === step && by(at))
    const signOffs = countedAt(release, began?.at ?? new Date(effect.at))
    const signed = { ...release, signOffs: signOffs.filter(({ at }) => by(at)) }
    if (!canProceed(environment, signed)) broken.push(`I2: ${effect.kind} of #${release.number} is not signed`)
    if (effect.kind === 'push') broken.push(...goesAsSigned(looked, release, effect))
  }
  return broken
}

/** With those that their person has said since not to have given. */
export function countedAt({ signOffs, disputed = [] }: Release, at: Date): Release['signOffs'] {
  return [...signOffs, ...disputed.filter(({ disputedAt }) => disputedAt >= at)]
}

/** Nothing starts in a freeze, nor what must be proven first and is not, unless an emergency was declared by then. */
function startsWhereItMay(looked: Looked): readonly string[] {
  const { memory, clockOff } = looked
  // The store's own times say nothing where its clock has jumped.
  if (clockOff > 0) return []
  return memory.releases().flatMap((release) => {
    const { number, attempt, approvedAt, kind } = release
    const first = memory
      .events()
      .find(({ release: of, type, data }) => of === number && type === 'release_approved' && data.attempt === 1)
    const at = first?.at ?? (attempt === 1 ? approvedAt : undefined)
    if (at === undefined) return []
    if (countedAt(release, at).some((each) => each.kind === 'emergency' && each.at <= at)) return []
    const { freezes = [], order } = environmentOf(looked, release)
    const isUnproven = order === 'required' && kind === 'deploy' && !isProven(looked, release, at)
    return [
      ...(frozenAt(freezes, at) === undefined ? [] : [`I12: #${number} has started in a freeze`]),
      ...(isUnproven ? [`I13: #${number} has started, and nothing had proven its commit`] : []),
    ]
  })
}

/** Asked of the objects themselves, not of what the worker has found. */
function isProven(looked: Looked, { plan, environment }: Release, by: Date): boolean {
  const { world, memory, app } = looked
  const commit = plan?.bound.source.commit
  const promoted = findEnvironment(app, environment)?.promotes
  return memory.releases().some((release) => {
    const { state, endedAt } = release
    if (release.environment !== promoted || state !== 'succeeded' || endedAt === undefined || endedAt > by) return false
    const proved = producedCommit(release)
    return proved !== undefined && commit !== undefined && world.objects.isAncestor(commit, proved)
  })
}

/** What was signed is what goes: the commit itself, or a merge with exactly the signed parents and tree. */
function goesAsSigned({ world }: Looked, { number, plan }: Release, { commit }: Effect): readonly string[] {
  const result = plan?.bound.result
  if (commit === undefined || result === undefined) return [`I3: #${number} has pushed without a plan`]
  const { parents, tree } = world.objects.get(commit)
  const isSame = tree === result.tree && (result.how !== 'merge' || parents.join() === result.parents.join())
  return isSame ? [] : [`I3: #${number} has pushed ${commit}, which is not what was signed`]
}

/** A rollback makes nothing run but what a release of the environment has proven before. */
function onlyProvenIsGoneBackTo(looked: Looked): readonly string[] {
  const { world, memory, clockOff } = looked
  return memory.releases().flatMap((rollback) => {
    const { number, app, environment, kind, plan } = rollback
    if (kind !== 'rollback' || plan === undefined) return []
    const { remote } = environmentOf(looked, rollback)
    const commit = producedCommit(rollback)
    const ours = world.truth.effects.filter(
      (effect) =>
        (effect.kind === 'platform release' || effect.kind === 'push') &&
        [remote.name, remote.app].includes(effect.where) &&
        effect.commit === commit &&
        beganBy(looked, rollback, 'push', effect.at),
    )
    return ours.flatMap(({ kind: what, at }) => {
      const isProven = memory
        .releases()
        .some(
          (release) =>
            release.number < number &&
            release.app === app &&
            release.environment === environment &&
            release.provenCommit === commit &&
            (release.endedAt?.getTime() ?? Number.POSITIVE_INFINITY) <= at + clockOff,
        )
      return isProven ? [] : [`I11: the rollback #${number} has made a ${what} of ${commit}, which nothing has proven`]
    })
  })
}

function oneAtATime({ memory, app }: Looked): readonly string[] {
  return app.environments.flatMap(({ name }) => {
    const under = memory.releases().filter(({ environment, state }) => environment === name && !hasEnded(state))
    return under.length > 1 ? [`I4: ${under.map(({ number }) => `#${number}`).join(' and ')} at once`] : []
  })
}

/** After a cancel, or a That was not me of a release that could be stopped, no step starts until somebody has asked for a retry. */
function stopMeansStop({ memory }: Looked): readonly string[] {
  const cancelled = new Set<number>()
  const broken: string[] = []
  for (const { release, type, data } of memory.events()) {
    if (release === undefined) continue
    if (type === 'cancel_asked') cancelled.add(release)
    // What needs attention stands; what is under way after that is a retry, which asks for the sign-off again.
    else if (type === 'sign_off_disputed' && data.state !== 'needs attention') cancelled.add(release)
    else if (type === 'retry_asked') cancelled.delete(release)
    else if (type === 'step_started' && cancelled.has(release)) {
      broken.push(`I5: #${release} has begun ${data.step} after it was cancelled`)
    }
  }
  return broken
}

/** Whose job another process has taken over begins nothing more with it. */
function nothingAfterTheJobWasLost({ world }: Looked): readonly string[] {
  return world.truth.effects.flatMap(({ kind, key, by }) =>
    by?.isOvertaken ? [`I5: ${kind} ${key} was begun by ${by.process}, which had lost the job ${by.job}`] : [],
  )
}

/** Each effect has a result, or is called unknown. */
function outcomesAreKnown(looked: Looked): readonly string[] {
  return looked.world.truth.effects.flatMap((effect) => {
    const cause = OF_A_RUN.includes(effect.kind) ? causeOf(looked, effect) : undefined
    if (cause === undefined) return []
    const { release, step } = cause
    const row = release.steps.find(({ name }) => name === step)
    const isTold = row?.effect === 'some' || row?.effect === 'unknown' || step === 'record'
    return isTold
      ? []
      : [`I6: ${effect.kind} of #${release.number} happened, and its step says ${row?.state} ${row?.effect}`]
  })
}

/** What was looked at: nothing of it is changed in its place, and it is much. */
const hashed = new WeakSet<StoredEvent>()
const clean = new WeakSet<object>()

function chainHolds({ memory }: Looked): readonly string[] {
  const broken: string[] = []
  let hash = '0'.repeat(64)
  for (const event of memory.events()) {
    const isAsWritten = hashed.has(event) || event.hash === chainHash(event.previousHash, bodyOf(event))
    if (event.previousHash !== hash || !isAsWritten) broken.push(`I7: the chain breaks at event ${event.id}`)
    else hashed.add(event)
    hash = event.hash
  }
  return broken
}

const OUTCOME_KEY = /^(\d+):(outcome|attention:\d+)$/
/** How many events there are is the last number before their head. */
const HEAD_SHOWN = /(\d+)[^\d`]*`([0-9a-f]{12})`/

/** Each outcome in a thread shows how many events its release has, its end among them, and the head of just these. */
function headsAreOfTheChain({ memory, world }: Looked): readonly string[] {
  return world.slack.messages.flatMap(({ metadata, blocks }) => {
    const [, number, of] = OUTCOME_KEY.exec(metadata?.event_payload.key ?? '') ?? []
    if (number === undefined) return []
    const [, count, head = ''] = HEAD_SHOWN.exec(JSON.stringify(blocks ?? '')) ?? []
    if (count === undefined) return [`I7: the ${of} of #${number} shows no head`]
    const events = memory
      .events()
      .filter(({ release }) => release === Number(number))
      .slice(0, Number(count))
    const isTheirs = events.length === Number(count) && events.at(-1)?.hash.startsWith(head) === true
    if (!isTheirs)
      return [`I7: the ${of} of #${number} shows ${count} events with the head ${head}, which is not theirs`]
    const hasEnd = of !== 'outcome' || events.some(({ type }) => type === 'release_ended')
    return hasEnd ? [] : [`I7: the head that the outcome of #${number} shows leaves its end out`]
  })
}

function bodyOf({ id, at, release, type, actor, data }: StoredEvent): string {
  return canonicalJson({ id, at: at.toISOString(), ...(release !== undefined && { release }), type, actor, data })
}

/** The bot looks at what waits twice a minute; a round of it may fail. */
const SOON_MS = 2 * 60_000
const NO_WORKER_MS = 10 * 60_000
const HOUR_MS = 60 * 60_000

/** Nothing waits, or has waited, for longer than it may while a bot is there: told apart from the product's own times. */
function nothingWaitsInVain({ memory, clockOff, now, botSince, workerSeenAt }: Looked): readonly string[] {
  // The store's own times say nothing where its clock has jumped.
  if (clockOff > 0) return []
  return memory.releases().flatMap((release) => {
    const { number, state, requestedAt, approvedAt, startedAt, expiresAt, endedAt, problem } = release
    const waited = (isWaiting: boolean, hasWaited: boolean) =>
      isWaiting ? now : hasWaited ? (endedAt?.getTime() ?? 0) : 0
    const isLate = (until: number, due: number) => until > Math.max(due, botSince) + SOON_MS
    const isExpired = state === 'expired' && startedAt === undefined
    const planning = waited(state === 'planning', problem?.because.gate === 'no_worker')
    const approved = waited(state === 'approved', isExpired && approvedAt !== undefined)
    const awaiting = waited(state === 'awaiting sign-off', isExpired && approvedAt === undefined)
    const broken =
      isLate(planning, Math.max(requestedAt.getTime() + NO_WORKER_MS, workerSeenAt)) ||
      isLate(planning, requestedAt.getTime() + HOUR_MS) ||
      (approvedAt !== undefined && isLate(approved, approvedAt.getTime() + HOUR_MS)) ||
      (expiresAt !== undefined && isLate(awaiting, expiresAt.getTime()))
    return broken ? [`I8: #${number} is ${state}, and has waited for longer than it may`] : []
  })
}

/** The channel, or the person who asked, has read how each release ended. */
function everyEndIsTold({ memory, world }: Looked): readonly string[] {
  const settled = new Map(
    memory.outboxRows().flatMap(({ message, state }) => ('key' in message ? [[message.key, state] as const] : [])),
  )
  return memory.releases().flatMap((release) => {
    const { number, state, attempt, requester, card, problem } = release
    if (!hasEnded(state) && state !== 'needs attention') return []
    // Nobody requested it, and it ended before it had a card: the channel is told of refusals that people can do something about.
    const isQuiet = state !== 'refused' || isQuietRefusal(problem)
    if (isAutomatic(release) && card === undefined && isQuiet) return []
    const key = hasEnded(state) ? `${number}:outcome` : `${number}:attention:${attempt}`
    const inChannel = world.slack.withKey(key) !== undefined
    const privately = settled.get(`${number}:ended`) === 'confirmed'
    const words = new RegExp(`#${number}\\b.*\\b${state}\\b`, 's')
    const read =
      privately && world.slack.messages.some(({ channel, text }) => channel === `D-${requester.id}` && words.test(text))
    return inChannel || read ? [] : [`I9: nobody was told that #${number} is ${state}`]
  })
}

/** Nobody is left with a card of what was: the last state is always sent. */
function cardsShowWhatIsStored(looked: Looked): readonly string[] {
  const { memory, world } = looked
  return memory.releases().flatMap((release) => {
    const { number, state, card } = release
    if (card === undefined) return []
    const shown = world.slack.messages.find(({ channel, ts }) => channel === card.channel && ts === card.ts)
    const environment = environmentOf(looked, release)
    const facts = { services: SERVICES, environment, owed: owed(environment, release) }
    const locks = memory.peoplesLocks().filter(({ ended }) => ended === undefined)
    // A lock whose time is over is on the card until the bot has ended it, or until the card is drawn for something else.
    const isShown = [new Date(0), new Date(looked.now + looked.clockOff)].some(
      (now) => shown?.text === cardText(release, { ...facts, locks, now }),
    )
    return isShown ? [] : [`I9: #${number} is ${state}, and its card says: ${shown?.text}`]
  })
}

/** A lock whose time is nearly over may have ended for the one who starts. */
const LOCK_END_MS = 60_000

/**
 * No release starts while another person's lock, or one over all, holds: told by the record alone, in which locks and starts
 * stand in the order in which they were committed. A release that nobody signs starts with its plan.
 */
function nothingStartsUnderALock({ memory, app, clockOff }: Looked): readonly string[] {
  const held = new Map<string, { readonly holder: string; readonly until?: string }>()
  const broken: string[] = []
  for (const event of memory.events()) {
    const { type, release, actor, data } = event
    if (type === 'lock_set' || type === 'lock_changed' || type === 'lock_taken_over') {
      const { app: of, environment } = data
      const before = held.get(`${of}/${environment}`)
      const until = 'until' in data ? data.until : undefined
      // Who extends another's lock doesn't hold it.
      const holder = type === 'lock_changed' ? (before?.holder ?? actor) : actor
      held.set(`${of}/${environment}`, { holder, ...(until !== undefined && { until }) })
    } else if (type === 'lock_ended') held.delete(`${data.app}/${data.environment}`)
    const isStart =
      (type === 'release_approved' && data.attempt === 1) || (type === 'plan_made' && startedWithPlan(memory, release))
    if (!isStart || release === undefined) continue
    const { environment, requester } = memory.releases().find(({ number }) => number === release) ?? {}
    const holds = (lock: { until?: string } | undefined) =>
      lock !== undefined &&
      (lock.until === undefined || Date.parse(lock.until) > event.at.getTime() + LOCK_END_MS + clockOff)
    const here = held.get(`${app.name}/${environment}`)
    if (holds(held.get('undefined/undefined'))) broken.push(`I11: #${release} has started under a lock over all`)
    if (holds(here) && here?.holder !== requester?.id) {
      broken.push(`I11: #${release} of ${requester?.id} has started under the lock of ${here?.holder}`)
    }
  }
  return broken
}

function startedWithPlan(memory: MemoryStore, number: number | undefined): boolean {
  const isApprovedLater = memory
    .events()
    .some(({ type, release, data }) => type === 'release_approved' && release === number && data.attempt === 1)
  const found = memory.releases().find((each) => each.number === number)
  return !isApprovedLater && found?.approvedAt !== undefined
}

function nothingSecret({ memory, world }: Looked): readonly string[] {
  const sinks: Readonly<Record<string, readonly object[]>> = {
    Slack: world.slack.messages,
    events: memory.events(),
    outbox: memory.outboxRows().map(({ message }) => message),
    releases: memory.releases(),
    jobs: memory.jobs().map(({ job }) => job),
    'what was done outside': world.truth.effects,
  }
  return Object.entries(sinks).flatMap(([name, sink]) => {
    const news = sink.filter((each) => !clean.has(each))
    const text = JSON.stringify(news)
    if (SECRET_FORMS.some((form) => text.includes(form))) return [`I10: a secret stands in ${name}`]
    for (const each of news) clean.add(each)
    return []
  })
}

/** A release with a time starts by itself once at most, and never early; before it only a person starts it. */
function startsAtItsTime({ memory, clockOff }: Looked): readonly string[] {
  if (clockOff > 0) return []
  const due = new Map<number, number>()
  const begun = new Map<number, number>()
  const asked = new Set<number>()
  const broken: string[] = []
  for (const event of memory.events()) {
    const { release, at, type } = event
    if (release === undefined) continue
    if (type === 'release_requested' && event.data.startAt !== undefined)
      due.set(release, Date.parse(event.data.startAt))
    else if (type === 'start_time_changed') due.set(release, Date.parse(event.data.to ?? ''))
    else if (type === 'start_asked' || (type === 'sign_off_given' && event.data.kind === 'emergency'))
      asked.add(release)
    else if (type === 'release_approved' && event.data.attempt === 1 && due.has(release)) {
      begun.set(release, (begun.get(release) ?? 0) + 1)
      const isEarly = at.getTime() < (due.get(release) ?? 0)
      if (isEarly && !asked.has(release)) broken.push(`I11: #${release} has started before its time`)
      if ((begun.get(release) ?? 0) > 1) broken.push(`I11: #${release} has started by its time twice`)
    }
  }
  return broken
}

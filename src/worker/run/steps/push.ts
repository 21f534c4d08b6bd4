import { defined } from '../../../lib/defined.ts'
import { pollUntil } from '../../../lib/retry.ts'
import { isOf, type PlatformRelease } from '../../../release/ports/platform.ts'
import type { Failure } from '../../../release/refusals.ts'
import { appAt } from '../../../release/settings.ts'
import type { Performed, Stopped } from '../../../release/transitions/index.ts'
import { platformReleases, runsApart } from '../../facts.ts'
import { platformOf } from '../../ports.ts'
import { withRetry } from '../../retry.ts'
import { onPlatform, platformError, remoteError } from '../../service-errors.ts'
import { type ConditionalPush, notSeen, pushConditionally, waitUntilArrived } from '../conditional-push.ts'
import { type Probe, type Step, type StepContext, short, stopped, wasCutOff } from './step.ts'

interface Seen {
  readonly holds: string | null
  readonly releases: readonly PlatformRelease[]
}

function commitOf({ commit }: StepContext): string {
  if (commit === undefined) throw new Error('a push needs the commit to deploy')
  return commit
}

async function look(run: StepContext): Promise<Seen | Stopped> {
  const { ports, environment } = run
  const { remote } = environment
  const [held, releases] = await Promise.all([
    withRetry(() => ports.git.heads(remote.url, [remote.branch]), ports),
    platformReleases(ports, environment),
  ])
  if (!held.ok) return stopped(remoteError(ports, environment, held, releases).refused, 'as before')
  if (!releases.ok) return stopped(platformError(ports, environment, releases).refused, 'as before')
  const holds = held.value[remote.branch] ?? null
  const commit = commitOf(run)
  const isListed =
    (holds !== commit && !runsEarlierAgain(run)) || releases.value.some((release) => isOf(release, commit))
  if (isListed || !runsApart(ports, environment)) return { holds, releases: releases.value }
  // Many releases of settings may have come since.
  const further = await platformReleases(ports, environment, commit)
  if (!further.ok) return stopped(platformError(ports, environment, further).refused, 'as before')
  return { holds, releases: further.value }
}

/** A platform that makes releases runs an earlier one again: what its remote holds stays as it is. */
function runsEarlierAgain({ ports, environment, plan }: StepContext): boolean {
  return plan.rollback !== undefined && runsApart(ports, environment)
}

/**
 * Whether the effect is there: the remote holds the commit and, if the platform makes releases, has a release of it. A
 * failed release does not count, so that Retry makes a new one. One made by an interrupted try does count, even if it
 * failed: the run must report it and not repeat it.
 */
function isThere(run: StepContext, { holds, releases }: Seen): boolean {
  const commit = commitOf(run)
  if (holds !== commit && !runsEarlierAgain(run)) return false
  if (!runsApart(run.ports, run.environment)) return true
  const heldBefore = run.plan.bound.remote.holds === commit || runsEarlierAgain(run)
  const ours = releases.find((release) => isOf(release, commit))
  // Our push moved the remote, and its release is not listed yet: confirm waits for it.
  if (ours === undefined) return !heldBefore
  if (ours.status === 'pending' || (ours.current && ours.status === 'succeeded')) return true
  if (!wasCutOff(run)) return false
  const failedBefore = versionOf(run.before?.result?.platformRelease)
  if (failedBefore !== undefined) return ours.version > failedBefore
  const current = releases.find((release) => release.current)
  return !heldBefore || current === undefined || ours.version > current.version
}

/** Such as 42 of `v42`. */
function versionOf(platformRelease: string | undefined): number | undefined {
  return platformRelease === undefined ? undefined : Number(platformRelease.replace(/^v/, ''))
}

function pushed(run: StepContext) {
  const commit = commitOf(run)
  const { name } = run.environment.remote
  if (runsEarlierAgain(run)) return { said: `${name} has a new release of ${short(commit)}`, commit }
  const did =
    run.plan.rollback === undefined ? `Pushed ${short(commit)} to ${name}` : `Set ${name} back to ${short(commit)}`
  return { said: did, commit }
}

function pushOf(run: StepContext): ConditionalPush<Seen> {
  const { ports, environment, plan, release } = run
  const { remote } = environment
  const commit = commitOf(run)
  return {
    url: remote.url,
    branch: remote.branch,
    commit,
    expected: plan.bound.remote.holds,
    setsBack: plan.rollback !== undefined,
    arrivesWithinMs: platformOf(ports, remote).limits.pushArrivesWithinMs,
    look: () => look(run),
    hasArrived: ({ holds }) => holds === commit,
    result: pushed(run),
    cutOff: {
      key: `push-cut:${release.attempt}`,
      what: `The push to ${remote.name} was interrupted. Checking whether it arrived.`,
    },
    notAllowed: remoteError(ports, environment, { failure: 'refused', detail: '' }).refused,
    notSent: (error) => remoteError(ports, environment, error).refused,
    rejected({ why, output }, { holds }) {
      if (why === 'stale' || holds !== plan.bound.remote.holds) return remoteMoved(run, holds, output)
      return stopped(rejectionOf(run, why, output), 'none', { output })
    },
    unknown: { gate: 'push_unknown', remote: remote.name, commit },
  }
}

/** Pushes the commit to the environment's remote. If the remote already holds but does not run it, makes a new release. */
export const push: Step = {
  name: 'push',

  async probe(run): Promise<Probe> {
    const seen = await look(run)
    if ('is' in seen) return seen
    if (isThere(run, seen)) return { is: 'there', result: pushed(run) }
    return { is: 'absent' }
  },

  async awaitEffect(run) {
    await waitUntilArrived(run, pushOf(run))
    const seen = await push.probe(run)
    return seen.is === 'absent' ? notSeen(pushOf(run)) : seen
  },

  async perform(run) {
    const seen = await look(run)
    if ('is' in seen) return seen
    // An interrupted push may have arrived since the probe: its effect is not repeated.
    if (isThere(run, seen)) return { is: 'done', effect: 'some', result: pushed(run) }
    const unproven = await notProven(run)
    if (unproven !== undefined) return unproven
    if (seen.holds === commitOf(run) || runsEarlierAgain(run)) return releaseAgain(run, seen)
    const expected = run.plan.bound.remote.holds
    if (seen.holds !== expected) return remoteMoved(run, seen.holds, [])
    return withApi(run, await pushConditionally(run, pushOf(run)))
  },
}

/** A rollback goes back only to what a release of this environment has proven. Undefined: it has, or it is no rollback. */
async function notProven(run: StepContext): Promise<Stopped | undefined> {
  const { ports, app, environment, plan } = run
  if (plan.rollback === undefined && plan.bound.kind !== 'rollback') return undefined
  const number = plan.bound.rollback?.provedBy ?? 0
  const proof = await ports.store.release(number)
  const isThere = proof?.app === app.name && proof.environment === environment.name
  if (isThere && proof.provenCommit === commitOf(run)) return undefined
  const place = { app: app.name, environment: environment.name }
  return stopped({ gate: 'target_not_proven', number, ...place, why: 'not proven' }, 'as before')
}

/** A push that was not allowed: the platform's API is asked whether it takes the same credential. */
async function withApi(run: StepContext, done: Performed | Stopped): Promise<Performed | Stopped> {
  if (done.is !== 'stopped' || done.because.gate !== 'credentials_refused') return done
  const { ports, environment } = run
  const api = await platformReleases(ports, environment)
  return { ...done, because: remoteError(ports, environment, { failure: 'refused', detail: '' }, api).refused }
}

function remoteMoved(run: StepContext, holds: string | null, output: readonly string[]): Stopped {
  const from = run.plan.bound.remote.holds
  const moved = [{ what: 'the remote', from: from ?? 'absent', to: holds ?? 'absent' }]
  return stopped({ gate: 'plan_outdated', moved }, 'as before', { output })
}

/** git's own lines about a rejected push: they explain nothing. */
const OF_GIT = /^\s*(?:To \S+$|!?\s*\[(?:remote )?rejected\]|error: failed to push some refs|hint:)/

/** A rejected push in the platform's own words, or in those of the remote's hook. */
function rejectionOf({ ports, environment, plan }: StepContext, why: string, output: readonly string[]): Failure {
  const { remote } = environment
  const { readRejection, buildsOnPush } = platformOf(ports, remote).words
  const hookLine = output
    .map((line) => line.replace(/^\s*remote: ?/, ''))
    .find((line) => /\S/.test(line) && !OF_GIT.test(line))
  const { by, line } = (why === 'hook' && readRejection?.(output)) || {
    by: why === 'hook' && buildsOnPush ? ('build' as const) : ('rule' as const),
    ...(hookLine !== undefined && { line: hookLine.trim() }),
  }
  const facts = { ...defined({ remote: remote.name, line, output: output.slice(-20) }), ...onPlatform(remote) }
  if (by === 'build') return { gate: 'build_failed', ...facts }
  return {
    gate: 'push_refused',
    ...facts,
    ...(by === 'platform' && { fault: by }),
    ...(why === 'not a fast-forward' && plan.rollback !== undefined && { refusesSetBack: true as const }),
  }
}

/** The remote holds the commit but does not run it: makes a new release from that commit's build, never a second push. */
async function releaseAgain(run: StepContext, seen: Seen): Promise<Performed | Stopped> {
  const { ports, environment } = run
  const { remote } = environment
  const platform = platformOf(ports, remote)
  const commit = commitOf(run)
  const notConfirmed = (detail: string) =>
    stopped({ gate: 'not_confirmed', app: appAt(remote), ...onPlatform(remote), detail }, 'as before')
  const artifact = artifactOf(run, seen)
  const isGone = () => {
    const to = run.plan.rollback?.to.number
    const gate = {
      gate: 'slug_missing',
      app: appAt(remote),
      ...onPlatform(remote),
      commit,
      ...defined({ to }),
    } as const
    return stopped(gate, 'as before')
  }
  if (artifact === undefined) return isGone()
  const last = Math.max(...seen.releases.map(({ version }) => version))
  if (wasCutOff(run)) {
    // The interrupted try may have requested a release that is not listed yet.
    const late = await waitUntilReleased(run, last)
    if (late !== undefined) return released(run, late.version)
  }
  const made = await platform.releaseAgain(remote, artifact)
  if (made.ok) return released(run, made.value.version)
  if (made.failure === 'refused') return stopped(platformError(ports, environment, made).refused, 'as before')
  if (made.failure === 'wrong') return made.denied === 'not found' ? isGone() : notConfirmed(made.detail)
  const found = await waitUntilReleased(run, last)
  if (found !== undefined) return released(run, found.version)
  return notSeen(pushOf(run))
}

/** What is released again: exactly what a rollback's plan has bound, else that of the newest release of the commit. */
function artifactOf(run: StepContext, { releases }: Seen): string | undefined {
  const bound = run.plan.bound.rollback?.artifact
  const ours = releases.filter((release) => isOf(release, commitOf(run)))
  if (bound == null) return ours[0]?.artifact
  return ours.some(({ artifact }) => artifact === bound) ? bound : undefined
}

function released(run: StepContext, version: number): Performed {
  const { ports, environment } = run
  const { remote } = environment
  const commit = commitOf(run)
  const { name } = platformOf(ports, remote).words
  const origin =
    run.plan.rollback === undefined
      ? `which ${remote.name} already held`
      : `as #${run.plan.rollback.to.number} deployed it, without a build`
  const said = `Made ${name} release v${version} from ${short(commit)}, ${origin}`
  return { is: 'done', effect: 'some', result: { said, commit, platformRelease: `v${version}` } }
}

function waitUntilReleased(run: StepContext, after: number): Promise<PlatformRelease | undefined> {
  const { ports, environment, signal } = run
  return pollUntil(
    async () => {
      const now = await look(run)
      if ('is' in now) return undefined
      return now.releases.find((release) => release.version > after && isOf(release, commitOf(run)))
    },
    {
      forMs: platformOf(ports, environment.remote).limits.releaseAppearsWithinMs,
      everyMs: ports.times.poll,
      signal,
      clock: ports.clock,
    },
  )
}

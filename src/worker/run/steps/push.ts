import { isOf, type PlatformRelease } from '../../../release/ports/platform.ts'
import { appAt } from '../../../release/settings.ts'
import { platformReleases, runsApart } from '../../facts.ts'
import { platformOf } from '../../ports.ts'
import { pollUntil, withRetry } from '../../retry.ts'
import { onPlatform, platformError, remoteError } from '../../service-errors.ts'
import { type ConditionalPush, notSeen, pushConditionally, waitUntilArrived } from '../conditional-push.ts'
import {
  type Performed,
  type Probe,
  type Step,
  type StepContext,
  type Stopped,
  short,
  stopped,
  wasCutOff,
} from './step.ts'

interface Seen {
  readonly holds: string | null
  readonly releases: readonly PlatformRelease[]
}

function theCommit({ commit }: StepContext): string {
  if (commit === undefined) throw new Error('nothing is pushed before the commit is known')
  return commit
}

async function look(run: StepContext): Promise<Seen | Stopped> {
  const { ports, environment } = run
  const { remote } = environment
  const [held, releases] = await Promise.all([
    withRetry(() => ports.git.heads(remote.url, [remote.branch]), ports),
    platformReleases(ports, environment),
  ])
  if (!held.ok) return stopped(remoteError(ports, environment, held).refused, 'as before')
  if (!releases.ok) return stopped(platformError(ports, environment, releases).refused, 'as before')
  return { holds: held.value[remote.branch] ?? null, releases: releases.value }
}

/**
 * Whether the push's effect is there: the remote holds the commit and, where the platform makes releases, has one of it. One
 * that failed is what a Retry fixes, by a new release; but one that a try made which was cut off counts, failed or not, so
 * that it is told and never repeated in silence.
 */
function isThere(run: StepContext, { holds, releases }: Seen): boolean {
  const commit = theCommit(run)
  if (holds !== commit) return false
  if (!runsApart(run.ports, run.environment)) return true
  const heldBefore = run.plan.bound.remote.holds === commit
  const ours = releases.find((release) => isOf(release, commit))
  // Moved by a push of ours, and not released yet: confirm waits for the release.
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
  const commit = theCommit(run)
  return { said: `Pushed ${short(commit)} to ${run.environment.remote.name}`, commit }
}

function pushOf(run: StepContext): ConditionalPush<Seen> {
  const { ports, environment, plan, release } = run
  const { remote } = environment
  const commit = theCommit(run)
  return {
    url: remote.url,
    branch: remote.branch,
    commit,
    expected: plan.bound.remote.holds,
    arrivesWithinMs: platformOf(ports, remote).limits.pushArrivesWithinMs,
    look: () => look(run),
    hasArrived: ({ holds }) => holds === commit,
    result: pushed(run),
    cutOff: {
      key: `push-cut:${release.attempt}`,
      what: `The push to ${remote.name} was cut off. Looking whether it arrived.`,
    },
    notAllowed: remoteError(ports, environment, { failure: 'refused', detail: '' }).refused,
    rejected({ why, output }, { holds }) {
      if (why === 'stale' || holds !== plan.bound.remote.holds) return remoteMoved(run, holds, output)
      const line = tellingLine(output)
      const told = { remote: remote.name, ...(line !== undefined && { line }), output: output.slice(-20) }
      const isBuild = why === 'hook' && platformOf(ports, remote).words.buildsOnPush
      const because = isBuild
        ? ({ gate: 'build_failed', ...told, ...onPlatform(remote) } as const)
        : ({ gate: 'push_refused', ...told } as const)
      return stopped(because, 'none', { output })
    },
    unknown: { gate: 'push_unknown', remote: remote.name, commit },
  }
}

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
    // A push that was cut off may have arrived since it was probed: what it has made is not made again.
    if (isThere(run, seen)) return { is: 'done', effect: 'some', result: pushed(run) }
    if (seen.holds === theCommit(run)) return releaseAgain(run, seen)
    const expected = run.plan.bound.remote.holds
    return seen.holds === expected ? pushConditionally(run, pushOf(run)) : remoteMoved(run, seen.holds, [])
  },
}

function remoteMoved(run: StepContext, holds: string | null, output: readonly string[]): Stopped {
  const from = run.plan.bound.remote.holds
  const moved = [{ what: 'the remote', from: from ?? 'absent', to: holds ?? 'absent' }]
  return stopped({ gate: 'plan_outdated', moved }, 'as before', { output })
}

/** The line that says why: the first that is marked with an exclamation mark, as git and platforms that build do. */
function tellingLine(output: readonly string[]): string | undefined {
  return output.find((line) => /^\s*(remote:\s*)?!\s+\S/.test(line))?.replace(/^\s*(remote:\s*)?!\s+/, '')
}

/** The remote holds the commit and does not run it: a new release from what that commit was built to, never a second push. */
async function releaseAgain(run: StepContext, seen: Seen): Promise<Performed | Stopped> {
  const { ports, environment } = run
  const { remote } = environment
  const platform = platformOf(ports, remote)
  const commit = theCommit(run)
  const notConfirmed = (detail: string) =>
    stopped({ gate: 'not_confirmed', app: appAt(remote), ...onPlatform(remote), detail }, 'as before')
  const artifact = seen.releases.find((release) => isOf(release, commit))?.artifact
  if (artifact === undefined) {
    const of = `${platform.words.artifact} of ${short(commit)}`
    return notConfirmed(`none of the last releases of ${appAt(remote)} has a ${of}`)
  }
  const last = Math.max(...seen.releases.map(({ version }) => version))
  if (wasCutOff(run)) {
    // Asked for by the worker before, maybe, and not seen yet.
    const late = await waitUntilReleased(run, last)
    if (late !== undefined) return released(run, late.version)
  }
  const made = await platform.releaseAgain(remote, artifact)
  if (made.ok) return released(run, made.value.version)
  if (made.failure === 'refused') return stopped(platformError(ports, environment, made).refused, 'as before')
  if (made.failure === 'wrong') return notConfirmed(made.detail)
  const found = await waitUntilReleased(run, last)
  if (found !== undefined) return released(run, found.version)
  return notSeen(pushOf(run))
}

function released(run: StepContext, version: number): Performed {
  const { ports, environment } = run
  const { remote } = environment
  const commit = theCommit(run)
  const { name } = platformOf(ports, remote).words
  const said = `Made ${name} release v${version} of ${short(commit)}, which ${remote.name} held already`
  return { is: 'done', effect: 'some', result: { said, commit, platformRelease: `v${version}` } }
}

function waitUntilReleased(run: StepContext, after: number): Promise<PlatformRelease | undefined> {
  const { ports, environment, signal } = run
  return pollUntil(
    async () => {
      const now = await look(run)
      if ('is' in now) return undefined
      return now.releases.find((release) => release.version > after && isOf(release, theCommit(run)))
    },
    {
      forMs: platformOf(ports, environment.remote).limits.releaseAppearsWithinMs,
      everyMs: ports.times.poll,
      signal,
      clock: ports.clock,
    },
  )
}

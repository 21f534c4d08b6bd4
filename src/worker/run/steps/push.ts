import type { PushAnswer } from '../../../release/ports/git.ts'
import type { PlatformRelease } from '../../../release/ports/heroku.ts'
import { pollUntil, withRetry } from '../../retry.ts'
import { isOf, platformError, platformReleases, remoteError } from '../../world.ts'
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
  if (!held.ok) return stopped(remoteError(environment, held).refused, 'as before')
  if (!releases.ok) return stopped(platformError(environment, releases).refused, 'as before')
  return { holds: held.value[remote.branch] ?? null, releases: releases.value }
}

/**
 * Whether the push's effect is there: the remote holds the commit, and Heroku has a release of it. One that failed is what
 * a Retry mends, by a new release; but one that a try made which was cut off counts, failed or not, so that it is told
 * and never repeated in silence.
 */
function isThere(run: StepContext, { holds, releases }: Seen): boolean {
  const commit = theCommit(run)
  if (holds !== commit) return false
  if (run.environment.remote.platform === 'git') return true
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

function pushed({ environment, commit }: StepContext): string {
  return `Pushed ${short(commit ?? '')} to ${environment.remote.name}`
}

export const push: Step = {
  name: 'push',

  async probe(run): Promise<Probe> {
    const seen = await look(run)
    if ('is' in seen) return seen
    if (isThere(run, seen)) return { is: 'there', result: { said: pushed(run), commit: theCommit(run) } }
    return { is: 'absent' }
  },

  async awaitEffect(run) {
    await waitUntilHeld(run)
    const seen = await push.probe(run)
    return seen.is === 'absent' ? notSeen(run) : seen
  },

  async perform(run) {
    const seen = await look(run)
    if ('is' in seen) return seen
    // A push that was cut off may have arrived since it was probed: what it has made is not made again.
    if (isThere(run, seen)) return { is: 'done', effect: 'some', result: { said: pushed(run), commit: theCommit(run) } }
    if (seen.holds === theCommit(run)) return releaseAgain(run, seen)
    const expected = run.plan.bound.remote.holds
    return seen.holds === expected ? pushCommit(run, expected) : remoteMoved(run, seen.holds, [])
  },
}

function remoteMoved(run: StepContext, holds: string | null, output: readonly string[]): Stopped {
  const from = run.plan.bound.remote.holds
  const moved = [{ what: 'the remote', from: from ?? 'absent', to: holds ?? 'absent' }]
  return stopped({ gate: 'plan_outdated', moved }, 'as before', { output })
}

async function pushCommit(run: StepContext, expected: string | null): Promise<Performed | Stopped> {
  const { ports, app, environment, signal } = run
  const { remote } = environment
  const commit = theCommit(run)
  const answer = await ports.git.push(app, remote.url, { commit, branch: remote.branch, expected }, { signal })
  const output = answer.output
  switch (answer.push) {
    case 'moved':
    case 'already':
      return { is: 'done', effect: 'some', result: { said: pushed(run), commit } }
    case 'not allowed':
      return stopped(remoteError(environment, { failure: 'refused', detail: '' }).refused, 'as before', { output })
    case 'rejected':
      return afterRejection(run, answer)
    case 'unknown':
      return afterCut(run, output)
  }
}

/** This push was refused. One that was cut off before it may have arrived, or still arrive: then that is the outcome. */
async function afterRejection(
  run: StepContext,
  { why, output }: Extract<PushAnswer, { push: 'rejected' }>,
): Promise<Performed | Stopped> {
  const { remote } = run.environment
  const commit = theCommit(run)
  if (wasCutOff(run)) await waitUntilHeld(run)
  const seen = await look(run)
  if ('is' in seen) return { ...seen, effect: 'unknown', output }
  if (seen.holds === commit) return { is: 'done', effect: 'some', result: { said: pushed(run), commit } }
  if (why === 'stale' || seen.holds !== run.plan.bound.remote.holds) return remoteMoved(run, seen.holds, output)
  const gate = remote.platform === 'heroku' && why === 'hook' ? 'build_failed' : 'push_refused'
  const line = tellingLine(output)
  const because = { gate, remote: remote.name, ...(line !== undefined && { line }), output: output.slice(-20) } as const
  return stopped(because, 'none', { output })
}

/** The line of a build's output that says why: the first that Heroku marks with an exclamation mark. */
function tellingLine(output: readonly string[]): string | undefined {
  return output.find((line) => /^\s*(remote:\s*)?!\s+\S/.test(line))?.replace(/^\s*(remote:\s*)?!\s+/, '')
}

/** After a push without an answer the server may go on: looked at until it is seen, or called unknown. */
async function afterCut(run: StepContext, output: readonly string[]): Promise<Performed | Stopped> {
  const { name } = run.environment.remote
  const commit = theCommit(run)
  await run.tell(`push-cut:${run.release.attempt}`, `The push to ${name} was cut off. Looking whether it arrived.`)
  if (await waitUntilHeld(run)) return { is: 'done', effect: 'some', result: { said: pushed(run), commit } }
  return notSeen(run, output)
}

function notSeen(run: StepContext, output: readonly string[] = []): Stopped {
  const because = { gate: 'push_unknown', remote: run.environment.remote.name, commit: theCommit(run) } as const
  return stopped(because, 'unknown', { output })
}

/** Looks until the remote holds the commit, for as long as a push that was cut off may still arrive. */
async function waitUntilHeld(run: StepContext): Promise<boolean> {
  const { ports, environment, signal } = run
  const seen = await pollUntil(
    async () => {
      const now = await look(run)
      return 'is' in now || now.holds !== theCommit(run) ? undefined : now
    },
    {
      forMs: ports.times.settlePush[environment.remote.platform],
      everyMs: ports.times.poll,
      signal,
      clock: ports.clock,
    },
  )
  return seen !== undefined
}

/** The remote holds the commit and does not run it: a new Heroku release from that commit's slug, never a second push. */
async function releaseAgain(run: StepContext, seen: Seen): Promise<Performed | Stopped> {
  const { ports, environment } = run
  const { herokuApp } = environment.remote
  const { heroku } = ports
  const commit = theCommit(run)
  if (herokuApp === undefined || heroku === undefined) throw new Error('only Heroku holds what it does not run')
  const slug = seen.releases.find((release) => isOf(release, commit))?.slug
  if (slug === undefined) {
    const detail = `none of the last releases of ${herokuApp} has a slug of ${short(commit)}`
    return stopped({ gate: 'not_confirmed', app: herokuApp, detail }, 'as before')
  }
  const last = Math.max(...seen.releases.map(({ version }) => version))
  if (wasCutOff(run)) {
    // Asked for by the worker before, maybe, and not seen yet.
    const late = await waitUntilReleased(run, last)
    if (late !== undefined) return released(run, late.version)
  }
  const made = await heroku.releaseSlug(herokuApp, slug)
  if (made.ok) return released(run, made.value.version)
  if (made.failure === 'refused') return stopped(platformError(environment, made).refused, 'as before')
  if (made.failure === 'wrong') {
    return stopped({ gate: 'not_confirmed', app: herokuApp, detail: made.detail }, 'as before')
  }
  const found = await waitUntilReleased(run, last)
  if (found !== undefined) return released(run, found.version)
  return notSeen(run)
}

function released(run: StepContext, version: number): Performed {
  const commit = theCommit(run)
  const said = `Made Heroku release v${version} of ${short(commit)}, which ${run.environment.remote.name} held already`
  return { is: 'done', effect: 'some', result: { said, commit, platformRelease: `v${version}` } }
}

function waitUntilReleased(run: StepContext, after: number): Promise<PlatformRelease | undefined> {
  return pollUntil(
    async () => {
      const now = await look(run)
      if ('is' in now) return undefined
      return now.releases.find((release) => release.version > after && isOf(release, theCommit(run)))
    },
    { forMs: run.ports.times.settleMerge, everyMs: run.ports.times.poll, signal: run.signal, clock: run.ports.clock },
  )
}

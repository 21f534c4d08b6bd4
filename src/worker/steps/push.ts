import type { PlatformRelease } from '../../release/ports.ts'
import { step } from '../../release/release.ts'
import { lookUntil, patiently } from '../patience.ts'
import { herokuTrouble, isOf, platformReleases, remoteTrouble } from '../world.ts'
import { type Performed, type Probe, type Step, type StepRun, type Stopped, short, stopped } from './step.ts'

interface Seen {
  readonly holds: string | null
  readonly releases: readonly PlatformRelease[]
}

function theCommit({ commit }: StepRun): string {
  if (commit === undefined) throw new Error('nothing is pushed before the commit is known')
  return commit
}

async function look(run: StepRun): Promise<Seen | Stopped> {
  const { ports, environment } = run
  const { remote } = environment
  const [held, releases] = await Promise.all([
    patiently(() => ports.git.heads(remote.url, [remote.branch]), ports.times.pause),
    platformReleases(ports, environment),
  ])
  if (!held.ok) return stopped(remoteTrouble(environment, held).refused, 'unknown')
  if (!releases.ok) return stopped(herokuTrouble(environment, releases).refused, 'unknown')
  return { holds: held.value[remote.branch] ?? null, releases: releases.value }
}

/**
 * Whether the push's effect is there. Taken up again in the same attempt, any release of the commit since it began
 * counts, so that a failed release phase is told and not silently repeated; a Retry wants one that has not failed.
 */
function isThere(run: StepRun, { holds, releases }: Seen): boolean {
  const commit = theCommit(run)
  if (holds !== commit) return false
  if (run.environment.remote.platform === 'git') return true
  const ours = releases.find((release) => isOf(release, commit))
  const row = step(run.release, 'push')
  const begunNow =
    row?.state === 'running' && row.attempt === run.release.attempt && run.plan.bound.remote.holds !== commit
  if (begunNow) return ours !== undefined
  return ours !== undefined && (ours.status === 'pending' || (ours.current && ours.status === 'succeeded'))
}

function pushed({ environment, commit }: StepRun): string {
  return `Pushed ${short(commit ?? '')} to ${environment.remote.name}`
}

export const push: Step = {
  name: 'push',

  async probe(run): Promise<Probe> {
    const seen = await look(run)
    const hasBegun = step(run.release, 'push')?.state !== 'pending' && step(run.release, 'push') !== undefined
    if ('is' in seen) return hasBegun ? seen : { ...seen, effect: 'none' }
    if (isThere(run, seen)) return { is: 'there', result: { said: pushed(run), commit: theCommit(run) } }
    return { is: 'absent' }
  },

  async perform(run) {
    const seen = await look(run)
    if ('is' in seen) return { ...seen, effect: 'none' }
    return seen.holds === theCommit(run) ? releaseAgain(run, seen) : pushCommit(run, run.plan.bound.remote.holds)
  },
}

async function pushCommit(run: StepRun, expected: string | null): Promise<Performed | Stopped> {
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
      return stopped(remoteTrouble(environment, { trouble: 'refused', detail: '' }).refused, 'none', { output })
    case 'rejected': {
      if (answer.why === 'stale') {
        const moved = [{ what: remote.name, from: expected ?? 'absent', to: 'moved during the push' }]
        return stopped({ gate: 'plan_outdated', moved }, 'none', { output })
      }
      const failed = remote.platform === 'heroku' && answer.why === 'hook' ? 'build_failed' : 'push_refused'
      const line = tellingLine(output)
      const because = {
        gate: failed,
        remote: remote.name,
        ...(line !== undefined && { line }),
        output: output.slice(-20),
      } as const
      return stopped(because, 'none', { output })
    }
    case 'unknown':
      return settle(run, output)
  }
}

/** The line of a build's output that says why: the first that Heroku marks with an exclamation mark. */
function tellingLine(output: readonly string[]): string | undefined {
  return output.find((line) => /^\s*(remote:\s*)?!\s+\S/.test(line))?.replace(/^\s*(remote:\s*)?!\s+/, '')
}

/** After a push without an answer the server may go on: looked at until it is seen, or called unknown. */
async function settle(run: StepRun, output: readonly string[]): Promise<Performed | Stopped> {
  const { ports, environment, signal } = run
  const { platform, name } = environment.remote
  const commit = theCommit(run)
  await run.tell(`push-cut:${run.release.attempt}`, `The push to ${name} was cut off. Looking whether it arrived.`)
  const seen = await lookUntil(
    async () => {
      const now = await look(run)
      return 'is' in now || now.holds !== commit ? undefined : now
    },
    { forMs: ports.times.settlePush[platform], everyMs: ports.times.poll, signal },
  )
  if (seen !== undefined) return { is: 'done', effect: 'some', result: { said: pushed(run), commit } }
  return stopped({ gate: 'push_unknown', remote: name, commit }, 'unknown', { output })
}

/** The remote holds the commit and does not run it: a new Heroku release from that commit's slug, never a second push. */
async function releaseAgain(run: StepRun, seen: Seen): Promise<Performed | Stopped> {
  const { ports, environment } = run
  const { herokuApp } = environment.remote
  const { heroku } = ports
  const commit = theCommit(run)
  if (herokuApp === undefined || heroku === undefined) throw new Error('only Heroku holds what it does not run')
  const slug = seen.releases.find((release) => isOf(release, commit))?.slug
  if (slug === undefined) {
    const detail = `none of the last releases of ${herokuApp} has a slug of ${short(commit)}`
    return stopped({ gate: 'not_confirmed', app: herokuApp, detail }, 'none')
  }
  const last = Math.max(...seen.releases.map(({ version }) => version))
  const made = await heroku.releaseSlug(herokuApp, slug)
  const said = (version: number) =>
    `Made Heroku release v${version} of ${short(commit)}, which ${environment.remote.name} held already`
  if (made.ok) {
    return {
      is: 'done',
      effect: 'some',
      result: { said: said(made.value.version), commit, platformRelease: `v${made.value.version}` },
    }
  }
  if (made.trouble === 'refused') return stopped(herokuTrouble(environment, made).refused, 'none')
  const found = await lookUntil(
    async () => {
      const now = await look(run)
      if ('is' in now) return undefined
      return now.releases.find((release) => release.version > last && isOf(release, commit))
    },
    { forMs: ports.times.settleMerge, everyMs: ports.times.poll, signal: run.signal },
  )
  if (found === undefined) return stopped({ gate: 'push_unknown', remote: environment.remote.name, commit }, 'unknown')
  return {
    is: 'done',
    effect: 'some',
    result: { said: said(found.version), commit, platformRelease: `v${found.version}` },
  }
}

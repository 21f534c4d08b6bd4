/** Checks the bound facts of every release that awaits sign-off or its time. */
import { movedFacts } from '../../release/bound.ts'
import type { Release } from '../../release/release.ts'
import { type App, ignoresNewerCommits } from '../../release/settings.ts'
import type { ReleaseState } from '../../release/terms.ts'
import { addThreadLine } from '../../release/thread.ts'
import { stop } from '../../release/transitions/index.ts'
import { readFacts } from '../facts.ts'
import { withNewerCommits } from '../newer-commits.ts'
import { placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'
import { refreshProof } from '../proof.ts'
import { refreshMergeRequirements } from './merge-requirements.ts'

const WAITING: readonly ReleaseState[] = ['awaiting sign-off', 'scheduled']

/**
 * Ends each release whose bound facts have changed as outdated. Notes in the thread of a pinned release how many newer
 * commits its source has.
 */
export async function checkAwaiting(ports: WorkerPorts): Promise<void> {
  const awaiting = await ports.store.releases({ states: WAITING, limit: 100 })
  for (const release of awaiting) {
    await checkOne(ports, release).catch((err: unknown) =>
      ports.log.error(
        { release: release.number, err },
        'checking the bound facts of a release failed; the next round tries again',
      ),
    )
  }
}

async function checkOne(ports: WorkerPorts, release: Release): Promise<void> {
  const place = placeOf(ports, release)
  if (!place || !release.plan) return
  const { app, environment } = place
  const read = await readFacts(ports, app, environment, release)
  const seen = 'refused' in read ? read : await withNewerCommits(ports, app, release, read.facts)
  if ('refused' in seen) {
    ports.log.warn(
      { release: release.number, gate: seen.refused.gate },
      'a bound fact of a release could not be read; the next round tries again',
    )
    return
  }
  const pinned = ignoresNewerCommits(app, environment, release)
  const moved = movedFacts(release.plan, release, seen.facts, pinned)
  const newer = pinned && seen.facts.source ? await newerCommits(ports, app, release, seen.facts.source) : 0
  if (moved.length === 0) await refreshMergeRequirements(ports, release)
  if (moved.length === 0) await refreshProof(ports, release)
  if (moved.length === 0 && newer === (release.newerCommits ?? 0)) return
  await ports.store.transaction(async (tx) => {
    const now = await tx.lockRelease(release.number)
    if (now === undefined || !WAITING.includes(now.state)) return
    if (moved.length > 0) {
      return stop(tx, now, { because: { gate: 'plan_outdated', moved } }, { actor: 'worker' })
    }
    await tx.changeRelease(release.number, { newerCommits: newer })
    const { branch } = release.plan?.bound.source ?? { branch: 'the branch' }
    const text = `${branch} has ${newer} newer ${newer === 1 ? 'commit' : 'commits'}, not in this release.`
    await addThreadLine(tx, release.number, `newer:${newer}`, { is: 'note', text })
    await tx.send({ kind: 'card', release: release.number })
  })
}

async function newerCommits(ports: WorkerPorts, app: App, release: Release, head: string): Promise<number> {
  const source = release.plan?.bound.source
  if (source === undefined || head === source.commit) return 0
  const fetched = await ports.git.fetch(app, app.gitUrl, [source.branch])
  if (!fetched.ok) return release.newerCommits ?? 0
  const { count } = await ports.git.commits(app, { from: [head], notFrom: [source.commit], limit: 1 })
  return count
}

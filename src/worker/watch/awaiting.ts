/** Looks at what moves while people think: the bound facts of every release that awaits sign-off. */
import { movedFacts } from '../../release/bound.ts'
import type { Release } from '../../release/release.ts'
import { type App, isPinned } from '../../release/settings.ts'
import { addThreadLine } from '../../release/thread.ts'
import { stop } from '../../release/transitions/index.ts'
import { readFacts } from '../facts.ts'
import { placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'

/** A release whose bound fact has moved becomes outdated; one whose pinned branch is behind its source is told so. */
export async function lookAtAwaiting(ports: WorkerPorts): Promise<void> {
  const awaiting = await ports.store.releases({ states: ['awaiting sign-off'], limit: 100 })
  for (const release of awaiting) {
    await lookAtOne(ports, release).catch((err: unknown) =>
      ports.log.error({ release: release.number, err }, 'looking at the facts of a release failed'),
    )
  }
}

async function lookAtOne(ports: WorkerPorts, release: Release): Promise<void> {
  const place = placeOf(ports, release)
  if (!place || !release.plan) return
  const { app, environment } = place
  const looked = await readFacts(ports, app, environment, release)
  if ('refused' in looked) {
    ports.log.warn({ release: release.number, gate: looked.refused.gate }, 'a fact of a release could not be read')
    return
  }
  const pinned = isPinned(app, environment)
  const moved = movedFacts(release.plan, release, looked.world, pinned)
  const newer = pinned && looked.world.source ? await newerCommits(ports, app, release, looked.world.source) : 0
  if (moved.length === 0 && newer === (release.newerCommits ?? 0)) return
  await ports.store.transaction(async (tx) => {
    const now = await tx.lockRelease(release.number)
    if (now?.state !== 'awaiting sign-off') return
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

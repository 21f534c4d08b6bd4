/** The follow-up of ended hot-fixes: reports commits that are still missing, and cleans up branches and mirrors. */

import { type EventType, findEvent, type StoredEvent } from '../../release/events.ts'
import { FOLLOW_UP_AFTER_MS, FOLLOW_UP_UNTIL_MS, needsBackport } from '../../release/hotfix.ts'
import type { Release } from '../../release/release.ts'
import type { App } from '../../release/settings.ts'
import { hasEnded } from '../../release/terms.ts'
import { addThreadLine } from '../../release/thread.ts'
import { backportedCommit, backportPicks, hasEvent, stillMissing, withHotfixLock } from '../backport.ts'
import { type Place, placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'

/**
 * A day after each hot-fix, reports once in its thread which commits the promoting branch still lacks. Deletes our
 * backport branch after its pull request is merged or declined, and drops kept picks of ended releases from the mirrors.
 * Safe to repeat, also in several workers at once.
 */
export async function followUpHotfixes(ports: WorkerPorts): Promise<void> {
  for (const app of ports.apps) await logErrors(ports, { app: app.name }, () => forgetPicks(ports, app))
  const now = (await ports.store.now()).getTime()
  const ended = { since: new Date(now - FOLLOW_UP_UNTIL_MS), until: new Date(now - FOLLOW_UP_AFTER_MS) }
  for (const number of await ports.store.hotfixesToFollowUp(ended)) {
    await logErrors(ports, { release: number }, async () => {
      const release = await ports.store.release(number)
      if (release === undefined || !needsBackport(release)) return
      const place = placeOf(ports, release)
      if (place !== undefined) await followUpOne(ports, place, release)
    })
  }
}

/** Logs a failure and continues: one release or app must not block the others. */
async function logErrors({ log }: WorkerPorts, whose: object, look: () => Promise<void>): Promise<void> {
  await look().catch((err: unknown) =>
    log.error({ ...whose, err }, 'the follow-up of a hot-fix failed; the next round tries again'),
  )
}

async function followUpOne(ports: WorkerPorts, place: Place, release: Release): Promise<void> {
  const now = await ports.store.now()
  const age = now.getTime() - (release.endedAt ?? now).getTime()
  const events = await ports.store.events(release.number)
  const has = (type: EventType) => findEvent(events, type) !== undefined
  if (age >= FOLLOW_UP_AFTER_MS && age <= FOLLOW_UP_UNTIL_MS && !has('hotfix_followed_up')) {
    await reportMissing(ports, place, release)
  }
  const carried = findEvent(events, 'hotfix_carried')
  if (carried !== undefined && !has('hotfix_branch_settled')) {
    await cleanUpBranch(ports, place, release, carried)
  }
}

async function reportMissing(ports: WorkerPorts, place: Place, release: Release): Promise<void> {
  const promoting = release.plan?.hotfix?.promoting
  if (promoting === undefined) return
  // The backport's job may have failed for good while the forge was down.
  await backportPicks(ports, place, release).catch((err: unknown) =>
    ports.log.error(
      { release: release.number, err },
      'a hot-fix could not be backported; the thread reports what is missing',
    ),
  )
  await withHotfixLock(ports, place, async () => {
    if (await hasEvent(ports, release, 'hotfix_followed_up')) return
    const missing = await stillMissing(ports, place.app, release, promoting.branch)
    const isCarried = await hasEvent(ports, release, 'hotfix_carried')
    const commits = missing.map(({ from }) => from)
    const { branch, environment } = promoting
    await ports.store.transaction(async (tx) => {
      const data = { branch, missing: commits }
      tx.addEvent({ release: release.number, type: 'hotfix_followed_up', actor: 'worker', data })
      if (commits.length === 0) return
      await addThreadLine(tx, release.number, 'still-missing', {
        is: 'still missing',
        branch,
        environment,
        commits,
        isCarried,
      })
    })
  })
}

/** Deletes our branch after its pull request has ended, unless somebody has moved it. */
async function cleanUpBranch(
  ports: WorkerPorts,
  place: Place,
  release: Release,
  { data }: StoredEvent<'hotfix_carried'>,
): Promise<void> {
  const { app } = place
  const { source, pullRequest: id } = data
  // A person's own pull request and branch are not ours to delete.
  if (typeof source !== 'string' || typeof id !== 'number') return
  const found = await withRetry(() => ports.forge.pullRequest(app, id), ports)
  if (!found.ok) throw new Error(`PR #${id} could not be read: ${found.detail}`)
  if (found.value.state === 'open') return
  await withHotfixLock(ports, place, async () => {
    if (await hasEvent(ports, release, 'hotfix_branch_settled')) return
    const became = await deleteOurs(ports, app, source, backportedCommit(release))
    await ports.store.transaction(async (tx) => {
      const data = { branch: source, became }
      tx.addEvent({ release: release.number, type: 'hotfix_branch_settled', actor: 'worker', data })
    })
  })
}

async function deleteOurs(ports: WorkerPorts, app: App, branch: string, commit: string): Promise<string> {
  const there = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
  if (!there.ok) throw new Error(`origin did not answer: ${there.detail}`)
  if (there.value[branch] === null) return 'gone already'
  if (there.value[branch] !== commit) return 'left: it has moved'
  const gone = await withRetry(() => ports.git.deleteBranch(app, app.gitUrl, branch, commit), ports)
  if (!gone.ok) throw new Error(`${branch} could not be deleted: ${gone.detail}`)
  return 'deleted'
}

/** Drops the planned picks of ended releases, which this worker's mirror keeps, from it. */
async function forgetPicks({ git, store }: WorkerPorts, app: App): Promise<void> {
  const over: string[] = []
  for (const name of await git.keptPicks(app)) {
    const release = await store.release(Number(name))
    if (release === undefined || hasEnded(release.state)) over.push(name)
  }
  await git.forgetPicks(app, over)
}

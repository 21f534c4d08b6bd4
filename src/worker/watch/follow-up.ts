/** What is left to do after hot-fixes: to tell what is still missing, and to take away what they have left. */

import { type EventType, findEvent, type StoredEvent } from '../../release/events.ts'
import { FOLLOW_UP_AFTER_MS, FOLLOW_UP_UNTIL_MS, needsBackport } from '../../release/hotfix.ts'
import type { Release } from '../../release/release.ts'
import type { App } from '../../release/settings.ts'
import { hasEnded } from '../../release/terms.ts'
import { addThreadLine } from '../../release/thread.ts'
import { afterwards, backportPicks, happened, pickedCommit, stillMissing } from '../backport.ts'
import { type Place, placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'

const PAGE = 50

/**
 * A day after each hot-fix the thread says which commits the promoting branch still lacks, once; a carrying branch of ours
 * goes when its pull request is merged or declined; what the mirrors keep for picks goes when the release has ended. Safe
 * to repeat, and beside other workers.
 */
export async function lookAfterHotfixes(ports: WorkerPorts): Promise<void> {
  for (const app of ports.apps) await logErrors(ports, { app: app.name }, () => forgetPicks(ports, app))
  for await (const release of endedHotfixes(ports)) {
    const place = placeOf(ports, release)
    if (place !== undefined && needsBackport(release)) {
      await logErrors(ports, { release: release.number }, () => lookAfterOne(ports, place, release))
    }
  }
}

/** All of them: a pull request that carries one may stay open for as long as people let it. */
async function* endedHotfixes({ store }: WorkerPorts): AsyncGenerator<Release> {
  for (let before: number | undefined; ; ) {
    const page = await store.releases({
      kind: 'hotfix',
      states: ['succeeded', 'closed', 'cancelled'],
      limit: PAGE,
      ...(before !== undefined && { before }),
    })
    yield* page
    before = page.at(-1)?.number
    if (page.length < PAGE || before === undefined) return
  }
}

/** What one release or app needs and does not get must not keep the others from it. */
async function logErrors({ log }: WorkerPorts, whose: object, look: () => Promise<void>): Promise<void> {
  await look().catch((err: unknown) => log.error({ ...whose, err }, 'looking after a hot-fix failed'))
}

async function lookAfterOne(ports: WorkerPorts, place: Place, release: Release): Promise<void> {
  const now = await ports.store.now()
  const age = now.getTime() - (release.endedAt ?? now).getTime()
  const events = await ports.store.events(release.number)
  const has = (type: EventType) => findEvent(events, type) !== undefined
  if (age >= FOLLOW_UP_AFTER_MS && age <= FOLLOW_UP_UNTIL_MS && !has('hotfix_followed_up')) {
    await followUp(ports, place, release)
  }
  const carried = findEvent(events, 'hotfix_carried')
  if (carried !== undefined && !has('hotfix_branch_settled')) {
    await settleBranch(ports, place, release, carried)
  }
}

async function followUp(ports: WorkerPorts, place: Place, release: Release): Promise<void> {
  const promoting = release.plan?.hotfix?.promoting
  if (promoting === undefined) return
  // The job that should have carried it may have met a forge that was down until it was given up.
  await backportPicks(ports, place, release).catch((err: unknown) =>
    ports.log.error({ release: release.number, err }, 'a hot-fix could not be carried on'),
  )
  await afterwards(ports, place, async () => {
    if (await happened(ports, release, 'hotfix_followed_up')) return
    const missing = await stillMissing(ports, place.app, release, promoting.branch)
    const isCarried = await happened(ports, release, 'hotfix_carried')
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

/** Takes our branch away when its pull request has ended, if the branch is where we have put it. */
async function settleBranch(
  ports: WorkerPorts,
  place: Place,
  release: Release,
  { data }: StoredEvent<'hotfix_carried'>,
): Promise<void> {
  const { app } = place
  const { source, pullRequest: id } = data
  // Somebody's own pull request carries it, from somebody's own branch.
  if (typeof source !== 'string' || typeof id !== 'number') return
  const found = await withRetry(() => ports.forge.pullRequest(app, id), ports)
  if (!found.ok) throw new Error(`the pull request #${id} could not be looked at: ${found.detail}`)
  if (found.value.state === 'open') return
  await afterwards(ports, place, async () => {
    if (await happened(ports, release, 'hotfix_branch_settled')) return
    const became = await deleteOurs(ports, app, source, pickedCommit(release))
    await ports.store.transaction(async (tx) => {
      const said = { branch: source, became }
      tx.addEvent({ release: release.number, type: 'hotfix_branch_settled', actor: 'worker', data: said })
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

/** This worker's mirror keeps the commits that a plan has made; after the release's end nobody needs them there. */
async function forgetPicks({ git, store }: WorkerPorts, app: App): Promise<void> {
  const over: string[] = []
  for (const name of await git.keptPicks(app)) {
    const release = await store.release(Number(name))
    if (release === undefined || hasEnded(release.state)) over.push(name)
  }
  await git.forgetPicks(app, over)
}

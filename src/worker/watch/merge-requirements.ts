/** Keeps what the forge asks for before it merges up to date on the card. */
import { canonicalJson } from '../../lib/canonical-json.ts'
import { missingForMerge, type Release, waitsForForge } from '../../release/release.ts'
import { addThreadLine } from '../../release/thread.ts'
import { placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'

const isWaiting = (release: Release) =>
  release.state === 'awaiting sign-off' || release.state === 'scheduled' || waitsForForge(release)

/**
 * Reads what the forge asks for, and redraws the card if that has changed. Where its rules refused the merge and now
 * nothing is missing, the thread says once that Retry can go. Does nothing for a release that waits for neither sign-offs
 * nor the forge, and nothing if the forge does not answer: the next look tries again.
 */
export async function refreshMergeRequirements(ports: WorkerPorts, release: Release): Promise<void> {
  const pullRequest = release.plan?.pullRequest
  const place = placeOf(ports, release)
  if (pullRequest === undefined || place === undefined || !isWaiting(release)) return
  const read = await ports.forge.mergeRequirements(place.app, pullRequest.id)
  if (!read.ok) {
    const fields = { release: release.number, failure: read.failure, detail: read.detail }
    ports.log.warn(fields, 'what the forge asks for before it merges could not be read; the next look tries again')
    return
  }
  const { missing } = read.value
  if (canonicalJson(missing) === canonicalJson(missingForMerge(release))) return
  await ports.store.transaction(async (tx) => {
    const now = await tx.lockRelease(release.number)
    if (now === undefined || !isWaiting(now)) return
    await tx.changeRelease(now.number, { mergeRequirements: missing })
    await tx.send({ kind: 'card', release: now.number })
    if (missing.length > 0 || !waitsForForge(now)) return
    const text = `PR #${pullRequest.id} now has what ${ports.forge.words.name} asked for. Press Retry to merge it.`
    await addThreadLine(tx, now.number, `merge-ready:${now.attempt}`, { is: 'note', text })
  })
}

/** The same for every release whose merge was refused by the forge's rules. */
export async function checkRefusedMerges(ports: WorkerPorts): Promise<void> {
  const stopped = await ports.store.releases({ states: ['needs attention'], limit: 100 })
  for (const release of stopped.filter(waitsForForge)) {
    await refreshMergeRequirements(ports, release).catch((err: unknown) =>
      ports.log.error(
        { release: release.number, err },
        'looking at a refused merge failed; the next round tries again',
      ),
    )
  }
}

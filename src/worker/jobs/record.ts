/** The job `record`: writes the record of a rollback whose step could not, because the forge did not answer. */
import { producedCommit } from '../../release/bound.ts'
import type { Claim, Job } from '../../release/ports/jobs.ts'
import { step } from '../../release/release.ts'
import { recordSettled } from '../../release/transitions/index.ts'
import { placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'
import { writeRecordOnce } from '../run/steps/record.ts'

const TRIED_FOR_MS = 24 * 60 * 60_000
const FIRST_PAUSE_MS = 60_000
const LONGEST_PAUSE_MS = 15 * 60_000

type Record = Extract<Job, { kind: 'record' }>

/**
 * Tries once, and enqueues the next try until a day after the rollback has ended; then it is given up and told. Between
 * tries it occupies no worker. Safe to repeat: a record that is there is found.
 */
export async function recordLater(ports: WorkerPorts, claim: Claim, job: Record): Promise<void> {
  const { store } = ports
  const { release: number, tries = 0 } = job
  const release = await store.release(number)
  const place = release && placeOf(ports, release)
  const plan = release?.plan
  if (release?.endedAt === undefined || plan === undefined || place === undefined) return
  if (step(release, 'record')?.result?.notRecorded === undefined) return
  const written = await writeRecordOnce({ ports, app: place.app, release, plan, commit: producedCommit(release) })
  claim.signal.throwIfAborted()
  const leftMs = TRIED_FOR_MS - ((await store.now()).getTime() - release.endedAt.getTime())
  await store.transaction(
    async (tx) => {
      const now = await tx.lockRelease(number)
      if (now === undefined) return
      if (written.is === 'stopped' && leftMs > 0) {
        const afterMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(tries, 10), LONGEST_PAUSE_MS, leftMs)
        await tx.enqueue({ kind: 'record', release: number, tries: tries + 1 }, { afterMs })
        return
      }
      await recordSettled(tx, now, written.is === 'done' ? written.result : undefined)
    },
    { as: claim },
  )
}

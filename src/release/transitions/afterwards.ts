/** After the end: what was seen of what a release deployed. It never changes the release's state. */
import type { Transaction } from '../ports/store.ts'
import { type Release, type SeenAfterwards, type StepResult, step } from '../release.ts'
import { addThreadLine } from '../thread.ts'

/** Stores what was seen, redraws the card, and adds one line to the thread. Safe to repeat: only the first call counts. */
export async function aftermathSeen(tx: Transaction, release: Release, seen: SeenAfterwards): Promise<void> {
  const { number } = release
  const report = step(release, 'report')
  if (release.state !== 'succeeded' || report === undefined || report.result?.afterwards !== undefined) return
  await tx.putStep(number, { ...report, result: { ...report.result, afterwards: seen } })
  const warnings = seen.warnings.map(({ what }) => what)
  tx.addEvent({ release: number, type: 'aftermath_seen', actor: 'worker', data: { warnings, notes: seen.notes ?? [] } })
  await tx.send({ kind: 'card', release: number })
  await addThreadLine(tx, number, 'afterwards', { is: 'afterwards', seen })
}

/**
 * The record of a rollback, which its step could not write, is there, or was given up (`written` is absent). Safe to
 * repeat: only the first call counts.
 */
export async function recordSettled(tx: Transaction, release: Release, written: StepResult | undefined): Promise<void> {
  const { number } = release
  const row = step(release, 'record')
  const detail = row?.result?.notRecorded
  if (row === undefined || detail === undefined) return
  const { commentUrl } = written ?? {}
  if (written !== undefined) await tx.putStep(number, { ...row, effect: 'some', result: written })
  const data = commentUrl === undefined ? { detail } : { commentUrl }
  tx.addEvent({ release: number, type: 'record_settled', actor: 'worker', data })
  await tx.send({ kind: 'card', release: number })
  const text =
    written === undefined
      ? `The record could not be written for 24 hours (${detail}), and is not tried again. What was decided stands in this thread and in the audit trail.`
      : 'The record of this rollback, which could not be written before, is written now.'
  await addThreadLine(tx, number, 'record settled', { is: 'note', text })
}

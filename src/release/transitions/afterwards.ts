/** After the end: what was seen of what a release deployed. It never changes the release's state. */
import type { Transaction } from '../ports/store.ts'
import { type Release, type SeenAfterwards, step } from '../release.ts'
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

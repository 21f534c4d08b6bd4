import type { Stopped } from '../../../release/transitions/index.ts'
import { withRetry } from '../../retry.ts'
import { forgeError } from '../../service-errors.ts'
import { type FurtherComment, recordWithSql } from '../record-sql.ts'
import { recordMarker } from '../record-text.ts'
import { type Step, type StepContext, stopped } from './step.ts'

function commentTarget({ plan, commit }: StepContext): { pullRequest: number } | { commit: string } {
  if (plan.pullRequest !== undefined) return { pullRequest: plan.pullRequest.id }
  if (commit === undefined) throw new Error('a release without a pull request needs a commit to comment on')
  return { commit }
}

/** Writes the sign-offs, discussions or the emergency's reason as a comment, exactly once. */
export const record: Step = {
  name: 'record',

  async probe(run) {
    const { ports, app, release } = run
    const found = await withRetry(() => ports.forge.findComment(app, commentTarget(run), recordMarker(release)), ports)
    if (!found.ok) return stopped(forgeError(ports, found).refused, 'as before')
    if (found.value === undefined) return { is: 'absent' }
    return { is: 'there', result: { said: summary(run), commentUrl: found.value } }
  },

  async perform(run) {
    const { ports, app, release } = run
    const { text, before } = recordWithSql(release, ports.forge.limits.commentLength)
    // Before the record itself: its presence then proves that the others are there too.
    for (const comment of before) {
      const stop = await writeOnce(run, comment)
      if (stop !== undefined) return stop
    }
    const made = await ports.forge.comment(app, commentTarget(run), text)
    if (made.ok) return { is: 'done', effect: 'some', result: { said: summary(run), commentUrl: made.value } }
    // The comment may exist although its answer was lost.
    const seen = await record.probe(run)
    if (seen.is === 'there') return { is: 'done', effect: 'some', result: seen.result }
    return stopped({ gate: 'record_failed', detail: made.detail }, 'none')
  },
}

async function writeOnce(run: StepContext, { marker, text }: FurtherComment): Promise<Stopped | undefined> {
  const { ports, app } = run
  const find = () => withRetry(() => ports.forge.findComment(app, commentTarget(run), marker), ports)
  const before = await find()
  if (!before.ok) return stopped(forgeError(ports, before).refused, 'as before')
  if (before.value !== undefined) return undefined
  const made = await ports.forge.comment(app, commentTarget(run), text)
  if (made.ok) return undefined
  const after = await find()
  if (after.ok && after.value !== undefined) return undefined
  return stopped({ gate: 'record_failed', detail: made.detail }, 'as before')
}

function summary({ plan }: StepContext): string {
  return plan.pullRequest === undefined
    ? 'Recorded the sign-offs on the commit'
    : `Recorded the sign-offs on PR #${plan.pullRequest.id}`
}

import { withRetry } from '../../retry.ts'
import { forgeError } from '../../service-errors.ts'
import { recordWithSql, type SqlComment } from '../record-sql.ts'
import { recordMarker } from '../record-text.ts'
import { type Step, type StepContext, type Stopped, stopped } from './step.ts'

function place({ plan, commit }: StepContext): { pullRequest: number } | { commit: string } {
  if (plan.pullRequest !== undefined) return { pullRequest: plan.pullRequest.id }
  if (commit === undefined) throw new Error('a release without a pull request has its commit from the plan')
  return { commit }
}

/** Writes QA, approval, what was talked over or the emergency's reason, once, as a comment. */
export const record: Step = {
  name: 'record',

  async probe(run) {
    const { ports, app, release } = run
    const found = await withRetry(() => ports.forge.findComment(app, place(run), recordMarker(release)), ports)
    if (!found.ok) return stopped(forgeError(ports, found).refused, 'as before')
    if (found.value === undefined) return { is: 'absent' }
    return { is: 'there', result: { said: said(run), commentUrl: found.value } }
  },

  async perform(run) {
    const { ports, app, release } = run
    const { text, before } = recordWithSql(release, ports.forge.limits.commentLength)
    // Before the record itself, so that where the record is the SQL is too.
    for (const comment of before) {
      const stop = await writeOnce(run, comment)
      if (stop !== undefined) return stop
    }
    const made = await ports.forge.comment(app, place(run), text)
    if (made.ok) return { is: 'done', effect: 'some', result: { said: said(run), commentUrl: made.value } }
    // The answer may be lost and the comment there.
    const seen = await record.probe(run)
    if (seen.is === 'there') return { is: 'done', effect: 'some', result: seen.result }
    return stopped({ gate: 'record_failed', detail: made.detail }, 'none')
  },
}

async function writeOnce(run: StepContext, { marker, text }: SqlComment): Promise<Stopped | undefined> {
  const { ports, app } = run
  const find = () => withRetry(() => ports.forge.findComment(app, place(run), marker), ports)
  const before = await find()
  if (!before.ok) return stopped(forgeError(ports, before).refused, 'as before')
  if (before.value !== undefined) return undefined
  const made = await ports.forge.comment(app, place(run), text)
  if (made.ok) return undefined
  const after = await find()
  if (after.ok && after.value !== undefined) return undefined
  return stopped({ gate: 'record_failed', detail: made.detail }, 'as before')
}

function said({ plan }: StepContext): string {
  return plan.pullRequest === undefined
    ? 'Recorded the sign-offs on the commit'
    : `Recorded the sign-offs on PR #${plan.pullRequest.id}`
}

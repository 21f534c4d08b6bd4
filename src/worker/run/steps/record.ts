import type { StepResult } from '../../../release/release.ts'
import type { Performed, Stopped } from '../../../release/transitions/index.ts'
import { withRetry } from '../../retry.ts'
import { forgeError } from '../../service-errors.ts'
import { type FurtherComment, recordWithSql } from '../record-sql.ts'
import { recordMarker } from '../record-text.ts'
import { type Probe, type Step, type StepContext, stopped } from './step.ts'

/** What the record needs of a step's context; the job that writes one late has it too. */
export type Recorded = Pick<StepContext, 'ports' | 'app' | 'release' | 'plan' | 'commit'>

function commentTarget({ plan, commit }: Recorded): { pullRequest: number } | { commit: string } {
  if (plan.rollback !== undefined) return { commit: plan.rollback.from?.commit ?? plan.bound.source.commit }
  if (plan.pullRequest !== undefined) return { pullRequest: plan.pullRequest.id }
  if (commit === undefined) throw new Error('a release without a pull request needs a commit to comment on')
  return { commit }
}

/** Writes the sign-offs, discussions or the emergency's reason as a comment, exactly once. */
export const record: Step = {
  name: 'record',

  async probe(run) {
    const found = await findRecord(run)
    // A rollback does not wait for the forge.
    return found.is === 'stopped' && run.plan.rollback !== undefined ? { is: 'absent' } : found
  },

  async perform(run) {
    const done = await writeRecord(run)
    if (done.is === 'done' || run.plan.rollback === undefined) return done
    return { is: 'done', effect: 'none', result: notRecorded(run, done) }
  },
}

/** Whether the record is there. Safe to repeat. */
async function findRecord(run: Recorded): Promise<Probe> {
  const { ports, app, release } = run
  const found = await withRetry(() => ports.forge.findComment(app, commentTarget(run), recordMarker(release)), ports)
  if (!found.ok) return stopped(forgeError(ports, found).refused, 'as before')
  if (found.value === undefined) return { is: 'absent' }
  return { is: 'there', result: { said: summary(run), commentUrl: found.value } }
}

/** Writes the record if it is not there. Safe to repeat. */
export async function writeRecordOnce(run: Recorded): Promise<Performed | Stopped> {
  const found = await findRecord(run)
  if (found.is === 'stopped') return found
  return found.is === 'there' ? { is: 'done', effect: 'some', result: found.result } : writeRecord(run)
}

async function writeRecord(run: Recorded): Promise<Performed | Stopped> {
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
  const seen = await findRecord(run)
  if (seen.is === 'there') return { is: 'done', effect: 'some', result: seen.result }
  return stopped({ gate: 'record_failed', detail: made.detail }, 'none')
}

function notRecorded({ ports }: Recorded, { because }: Stopped): StepResult {
  const { name } = ports.forge.words
  const detail = 'detail' in because ? because.detail : `${name} refused it`
  return {
    said: `Not recorded at ${name} yet (${detail}). The rollback does not wait for that: Signoff tries again for 24 hours`,
    notRecorded: detail,
  }
}

async function writeOnce(run: Recorded, { marker, text }: FurtherComment): Promise<Stopped | undefined> {
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

function summary({ plan }: Recorded): string {
  if (plan.rollback !== undefined) return 'Recorded the rollback on the commit that it took away'
  return plan.pullRequest === undefined
    ? 'Recorded the sign-offs on the commit'
    : `Recorded the sign-offs on PR #${plan.pullRequest.id}`
}

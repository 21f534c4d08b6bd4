/** **QA…**: a person has tested changes, or found a problem with one. As signed.ts, for QA that is asked for each change. */
import { changeId, isOwn, type PlannedChange, type Tested } from '../changes.ts'
import type { Refusal } from '../refusals.ts'
import type { Release } from '../release.ts'
import { isUndecided } from '../rules.ts'
import { heldAtStart } from '../start-conditions.ts'
import { addThreadLine } from '../thread.ts'
import { sendReceipt } from './disputed.ts'
import { proceed, sign, wouldStart } from './signed.ts'
import { type ActionRequest, nameOf, type Transition } from './transition.ts'

/** A thread's line names no more. */
const NAMED = 10

/**
 * Records what the person has tested, each change once, and that they gave QA. The last change that is owed approves the
 * release; a problem rejects it, after what was tested is recorded. Refuses an incomplete or contradictory dialog, changes
 * that the plan does not have, and a start that was not confirmed. Safe to repeat: what is recorded already changes nothing.
 */
export const testChanges: Transition = async (tx, context) => {
  const { release, environment, person, request, attribution, groups } = context
  const { number, plan, fingerprint = '' } = release
  const incomplete = refusalOf(release, request)
  if (incomplete !== undefined) return { refused: incomplete }
  const { tested: ticked = [], problemWith, reason = '' } = request.qa ?? {}
  // Only before it is decided: a problem that is found later is no rejection.
  const decided =
    problemWith === undefined
      ? undefined
      : isUndecided({ ...context, now: tx.now, people: [], words: 'reject', isOnRun: false })
  if (decided !== undefined) return { refused: decided }

  const note = request.note?.trim()
  const withNote = note !== undefined && note !== '' && { note }
  const changes = plan?.changes ?? []
  const news = changes
    .filter((change) => ticked.includes(changeId(change)))
    .filter((change) => !isTestedBy(release, change, person.id))
  const rows = news.map(
    (change): Omit<Tested, 'at'> => ({
      change: changeId(change),
      person: nameOf(person),
      right: attribution.right,
      ...(isOwn(change, person.email) && { isOwn: true }),
      ...withNote,
    }),
  )
  const after = { ...release, tested: [...(release.tested ?? []), ...rows.map((row) => ({ ...row, at: tx.now }))] }
  const starts = problemWith === undefined && rows.length > 0 && wouldStart(environment, after, tx.now)
  const held = starts && (await heldAtStart(tx, { release, environment }))
  if (held) return { refused: held }
  if (request.isConfirmed === false && starts) {
    return { refused: { gate: 'start_not_confirmed', number, environment: release.environment } }
  }

  if (rows.length > 0) {
    await tx.addTested(number, rows)
    await tx.addSignOff(number, {
      ...{ kind: 'qa', person: nameOf(person), fingerprint, right: attribution.right },
      ...withNote,
    })
    const own = rows.filter((row) => row.isOwn).map(({ change }) => change)
    tx.addEvent({
      release: number,
      type: 'sign_off_given',
      actor: person.id,
      data: {
        ...{ kind: 'qa', fingerprint, changes: rows.map(({ change }) => change), ...attribution, ...withNote },
        ...(own.length > 0 && { own }),
        ...(groups.length > 0 && { groups }),
      },
    })
    await addThreadLine(tx, number, `tested:${person.id}:${rows[0]?.change ?? ''}`, {
      ...{ is: 'tested', person: nameOf(person), count: rows.length, own: own.length },
      ...{ changes: news.slice(0, NAMED).map(namedChange), ...withNote },
    })
    if (environment.signOff?.receipts) await sendReceipt(tx, release, 'qa', person.id)
  }
  if (problemWith !== undefined) {
    const named = changes.find((change) => changeId(change) === problemWith)
    const why = `Problem with ${named === undefined ? problemWith : nameOfChange(named)}: ${reason.trim()}`
    return sign('rejection')(tx, { ...context, request: { ...request, note: why } })
  }
  if (rows.length > 0) await proceed(tx, release, environment, starts)
  return undefined
}

function isTestedBy({ tested = [] }: Release, change: PlannedChange, person: string): boolean {
  return tested.some((each) => each.change === changeId(change) && each.person.id === person)
}

function namedChange({ title, pullRequest }: PlannedChange): Pick<PlannedChange, 'title' | 'pullRequest'> {
  return { title, ...(pullRequest !== undefined && { pullRequest }) }
}

/** `PR #41 Fix the time zone of digests`, or the title alone. */
function nameOfChange({ title, pullRequest }: PlannedChange): string {
  return pullRequest === undefined ? title : `PR #${pullRequest} ${title}`
}

function refusalOf({ plan }: Release, { qa }: ActionRequest): Refusal | undefined {
  const { tested = [], problemWith, reason = '' } = qa ?? {}
  const changes = plan?.changes ?? []
  const known = new Set(changes.map(changeId))
  const named = [...tested, ...(problemWith === undefined ? [] : [problemWith])]
  if (!named.every((id) => known.has(id))) return { gate: 'stale_button' }
  if (problemWith === undefined) {
    if (reason.trim() !== '') return { gate: 'qa_incomplete', why: 'no change named' }
    return tested.length === 0 ? { gate: 'qa_incomplete', why: 'nothing ticked' } : undefined
  }
  if (reason.trim() === '') return { gate: 'reason_too_short', least: 1 }
  const both = changes.find((change) => changeId(change) === problemWith && tested.includes(problemWith))
  return both && { gate: 'qa_incomplete', why: 'tested and a problem', title: nameOfChange(both) }
}

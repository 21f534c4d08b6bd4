/** What buttons ask before they act: the effect of this click on the release in its current state. */
import type { ConfirmationDialog } from '@slack/types'
import type { Plan } from '../../release/plan.ts'
import { isLastOwed, type Owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { RollbackPlan } from '../../release/rollback-plan.ts'
import { isDue } from '../../release/schedule.ts'
import type { Environment } from '../../release/settings.ts'
import { confirm } from './parts/blocks.ts'
import {
  called,
  destroyed,
  destroysWords,
  finalCommit,
  place,
  risks,
  stepNow,
  stepsInOrder,
  whatGoes,
} from './parts/facts.ts'
import { backTo, goesAway, rollbackRisk } from './parts/rollback.ts'
import { capital, short } from './parts/text.ts'
import { STATE_VIEWS } from './state/index.ts'

export interface ConfirmFacts {
  /** The button's label, which also sends the click. */
  readonly label: string
  readonly owed: readonly Owed[]
  readonly environment: Environment
  /** Left out: the release has no time, or it has come. */
  readonly now?: Date
}

/** The dialog before a click; undefined where the click needs none. */
export type Confirm = (release: Release, facts: ConfirmFacts) => ConfirmationDialog | undefined

/** Asked where the sign-off starts the release, and where it comes after an emergency. */
export function confirmSignOff(kind: Owed['kind']): Confirm {
  return (release, { label: yes, owed, now }) => {
    if (release.state !== 'awaiting sign-off') {
      return confirm({
        title: `${yes}: ${called(release)}, afterwards?`,
        text: `${called(release)} ${release.state === 'closed' ? 'was closed' : 'is already deployed'}. Your sign-off completes the record and changes nothing on ${release.environment}.`,
        yes,
        no: 'Go back',
      })
    }
    // Before its time the last sign-off starts nothing; a click of such a button after it is asked privately.
    if (!isLastOwed(owed, kind) || (now !== undefined && !isDue(release, now))) return undefined
    const title = `${yes}: start ${called(release)}?`
    return confirm({ title, text: startWords(release), yes, no: 'Go back', danger: destroysData(release) })
  }
}

export const confirmCancel: Confirm = (release) =>
  confirm({
    title: `Cancel ${called(release)}?`,
    text: STATE_VIEWS[release.state].cancelEffect?.(release) ?? '',
    yes: 'Cancel it',
    no: 'Keep it',
    danger: true,
  })

export const confirmRetry: Confirm = (release, { environment }) =>
  confirm({
    title: `Retry ${called(release)}?`,
    text: retryEffect(release, environment),
    yes: 'Retry',
    no: 'Go back',
  })

/** Asked by each button that alone starts a release: **Go** and **Start now**. */
export function confirmStart(release: Release, { label: yes }: Pick<ConfirmFacts, 'label'>): ConfirmationDialog {
  const title = `${yes}: ${called(release)}?`
  return confirm({ title, text: startWords(release), yes, no: 'Go back', danger: destroysData(release) })
}

function destroysData({ plan }: Release): boolean {
  if (plan?.rollback !== undefined) return rollbackRisk(plan.rollback) !== undefined
  return plan !== undefined && destroyed(plan).length > 0
}

/**
 * `This starts #12 on production now. 5 commits and 2 migrations go to api production. 1 destroys data.` Of a rollback:
 * `This takes api production back to #40 (1f03ae2) now: 3 commits go away.`
 */
export function startWords(release: Release): string {
  const starts = `This starts #${release.number} on ${release.environment} now.`
  if (release.plan === undefined) return starts
  if (release.plan.rollback !== undefined) return rollbackStarts(release, release.plan, release.plan.rollback)
  const risky = risks(release.plan)
  const goes = capital(whatGoes(release.plan))
  const one = /^1 \w+$/.test(goes)
  const destroys = destroysWords(release.plan)
  return `${starts}${destroys === undefined ? '' : ` ${destroys}.`} ${goes} ${one ? 'goes' : 'go'} to ${place(release)}.${risky === '' ? '' : ` Migrations: ${risky}.`}`
}

function rollbackStarts(release: Release, plan: Plan, rollback: RollbackPlan): string {
  const risk = rollbackRisk(rollback)
  const takes = `This takes ${place(release)} back to ${backTo(rollback)} now: ${goesAway(plan)}.`
  return `${takes}${risk === undefined ? '' : ` ${capital(risk)}.`}`
}

function retryEffect(release: Release, environment: Environment): string {
  const done = stepsInOrder(release).filter(({ state }) => state === 'done')
  const from = stepNow(release)?.name
  const commit = finalCommit(release)
  if (release.problem?.because.gate === 'push_unknown' && commit !== undefined) {
    const name = environment.remote.name
    return `Signoff checks ${name} first. If ${short(commit)} is there, the run continues with confirm. If not, it pushes once.`
  }
  return `The run resumes at ${from ?? 'the step that stopped'} with the same plan and sign-offs. Signoff checks the current state first.${done.length === 0 ? '' : ` Not repeated: ${done.map(({ name }) => name).join(', ')}.`}`
}

/**
 * The modals that ask for a reason, and ask for a note on a discussion. `metadata` comes back with the submission
 * as `private_metadata`.
 */
import type { InputBlock, ModalView, PlainTextInput } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { FreezeNotice } from '../../release/freezes.ts'
import type { Plan } from '../../release/plan.ts'
import { heldByChecks, isLastOwed, type Owed, owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { RollbackPlan } from '../../release/rollback-plan.ts'
import { isDue } from '../../release/schedule.ts'
import type { Environment } from '../../release/settings.ts'
import { MIN_REASON_LENGTH } from '../../release/terms.ts'
import type { QaRequest } from '../../release/transitions/index.ts'
import type { Ungivable } from '../../release/who-can-sign.ts'
import type { ViewId } from '../ids.ts'
import { startWords } from './confirmations.ts'
import { bullets, type Line, plain, rich, section } from './parts/blocks.ts'
import { called, place, pullRequest, risks, whatGoes, where } from './parts/facts.ts'
import { frozenUntil } from './parts/freeze.ts'
import { owedNames } from './parts/owed.ts'
import type { AuthorsInSlack } from './parts/people.ts'
import { type ProofNow, proofWords } from './parts/proof.ts'
import { goesAway, rollbackRisk } from './parts/rollback.ts'
import { capital, cut, defused, oneLine, together } from './parts/text.ts'
import { ungivableWords } from './parts/ungivable.ts'
import { checksWords } from './refusals-of-services.ts'

/**
 * The block_id, which is also the action_id, of each field: a submission has its value under
 * `view.state.values[FIELD.x][FIELD.x]`.
 */
export const FIELD = { app: 'app', environment: 'environment', reason: 'reason', note: 'note' } as const

/** Slack takes at most 3,000 characters in an input. */
const REASON_MOST = 3000

/** Builds a modal within Slack's lengths. */
export function modal(parts: {
  readonly callback: string
  readonly title: string
  readonly submit: string
  readonly close: string
  readonly metadata: string
  readonly blocks: ModalView['blocks']
}): ModalView {
  return {
    type: 'modal',
    callback_id: parts.callback,
    title: plain(parts.title, 24),
    submit: plain(parts.submit, 24),
    close: plain(parts.close, 24),
    private_metadata: parts.metadata,
    blocks: parts.blocks,
  }
}

// ------------------------------------------------------------------------------------------------ asking

// ------------------------------------------------------------------------------------------------ reasons

/** A field for several lines of text. */
export function written(
  id: string,
  label: string,
  words: { ask: string; hint: string; least?: number; optional?: boolean; typed?: string; isFocused?: boolean },
): InputBlock {
  const element: PlainTextInput = {
    type: 'plain_text_input',
    action_id: id,
    multiline: true,
    max_length: REASON_MOST,
    placeholder: plain(words.ask, 150),
    ...(words.isFocused !== false && { focus_on_load: true }),
    ...defined({ min_length: words.least, initial_value: words.typed }),
  }
  return {
    type: 'input',
    block_id: id,
    label: plain(label),
    hint: plain(words.hint, 2000),
    element,
    ...(words.optional ? { optional: true } : {}),
  }
}

/** `*Release #12: api → production*`. */
export function what(release: Release): string {
  return `*${defused(`${called(release)}: ${where(release)}`)}*`
}

/** The facts of the modals that a button opens before it acts. */
export interface ReasonFacts {
  /** Identifies the submission. */
  readonly callback: ViewId
  readonly release: Release
  readonly metadata: string
  /** The store's time. */
  readonly now: Date
  /** With it the modals name the channel, and Talked over says whether it starts the release. */
  readonly environment?: Environment
  /** Sign-offs that nobody could give after an emergency. */
  readonly unsettled?: readonly Ungivable[]
  /** What was typed before, where the modal is shown again. */
  readonly note?: string
  /** The same of QA for each change: also what was ticked. */
  readonly filled?: QaRequest & { readonly note?: string }
  /** Who opens it, and the authors of the plan in Slack, as far as the modal names them. */
  readonly user?: string
  readonly authorsInSlack?: AuthorsInSlack
  /** What an emergency waives beside the sign-offs: a freeze, an order that is required. */
  readonly waived?: { readonly freeze?: FreezeNotice; readonly proof?: ProofNow }
}

/** **Reject**: asks for the **Reason**. */
export function rejectModal({ callback, release, metadata }: ReasonFacts): ModalView {
  return modal({
    callback,
    title: 'Reject',
    submit: 'Reject it',
    close: 'Go back',
    metadata,
    blocks: [
      section(`${what(release)} ends, and its sign-offs become void. Nothing has been merged, migrated or pushed.`),
      written(FIELD.reason, 'Reason', {
        ask: 'What has to change first?',
        hint: 'Visible to everyone in the channel.',
        least: 1,
      }),
    ],
  })
}

/** **Close**: asks for the **Reason**, and says what stays as it is. */
export function closeModal({ callback, release, metadata }: ReasonFacts): ModalView {
  return modal({
    callback,
    title: 'Close',
    submit: 'Close it',
    close: 'Go back',
    metadata,
    blocks: [
      section([
        `${what(release)} ends in its current state, and ${defused(place(release))} is free for the next release.`,
        'What is done stays done. The next plan starts from there.',
      ]),
      written(FIELD.reason, 'Reason', {
        ask: 'What is the current state, and how do you know?',
        hint: 'Visible to everyone in the channel, and kept in the record.',
        least: 1,
      }),
    ],
  })
}

/** **Must go out now…**: asks for a **Reason** of at least ten characters, and says what it waives and what is still needed. */
export function emergencyModal({
  callback,
  release,
  metadata,
  environment,
  unsettled = [],
  waived: more = {},
}: ReasonFacts): ModalView {
  const plan = release.plan
  const risky = plan === undefined ? '' : risks(plan)
  const request = plan?.pullRequest
  const waived = environment === undefined ? [] : owed(environment, release)
  const without = waived.length === 0 ? 'what blocks it' : owedNames(waived)
  const held = environment && heldSpoken(release, environment)
  const named = environment?.channel.startsWith('#') ? environment.channel : 'the channel'
  const channel = named.slice(0, 80)
  return modal({
    callback,
    title: 'Must go out now',
    submit: 'Send it out now',
    close: 'Go back',
    metadata,
    blocks: [
      section(`${what(release)} is deployed at once, *without waiting for ${without}*.`),
      rich(
        bullets([
          ...(plan === undefined ? [] : [[`${capital(whatGoes(plan))}${risky === '' ? '' : ` (${risky})`}`]]),
          ...(plan?.rollback === undefined ? [] : rollbackLines(plan, plan.rollback)),
          ...(held === undefined ? [] : [[capital(cut(oneLine(held), 300))]]),
          ...(more.freeze?.is === 'frozen' ? [['Frozen', ...frozenUntil(more.freeze)]] : []),
          ...(more.proof !== undefined && more.proof.by === undefined ? [[proofWords(more.proof)]] : []),
          [
            request === undefined
              ? `Your name and reason go to ${channel} and the record`
              : `Your name and reason go to ${channel}, ${together('PR', `#${request.id}`)} and the record`,
          ],
          ['The skipped sign-offs are still needed: others have to give them afterwards'],
        ]),
      ),
      ...unsettled.map((one) => section(`:warning: Afterwards: ${defused(ungivableWords(one), 500)}`)),
      written(FIELD.reason, 'Reason', {
        ask: 'What breaks if this waits?',
        hint: `At least ${MIN_REASON_LENGTH} characters. Visible to everyone in ${channel}.`,
        least: MIN_REASON_LENGTH,
      }),
    ],
  })
}

function rollbackLines(plan: Plan, rollback: RollbackPlan): Line[] {
  const risk = rollbackRisk(rollback)
  return [[capital(goesAway(plan))], ...(risk === undefined ? [] : [[capital(risk)]])]
}

/** `1 check did not pass: Unit tests failed`, for sentences; undefined where nothing blocks. */
function heldSpoken(release: Release, environment: Environment): string | undefined {
  const checks = heldByChecks(environment, release)
  if (checks === undefined) return undefined
  const bad = checks.filter(({ state }) => state !== 'passed').slice(0, 5)
  const { why } = checksWords(checks)
  return bad.length === 0 ? why : `${why}: ${bad.map(({ name, state }) => `${name} ${state}`).join(', ')}`
}

/** Whether **Talked over** is the last sign-off that the release waits for. */
export function talkedOverStarts(release: Release, owing: readonly Owed[], now: Date): boolean {
  return release.state === 'awaiting sign-off' && isLastOwed(owing, 'talked over') && isDue(release, now)
}

/** **Talked over**: asks for a **Note**. As the last sign-off, it says that it starts the release. */
export function talkedOverModal({ callback, release, metadata, environment, note, now }: ReasonFacts): ModalView {
  const owing = environment === undefined ? [] : owed(environment, release)
  const starts = talkedOverStarts(release, owing, now)
  const plan = release.plan
  const risky = plan === undefined ? '' : risks(plan)
  const risk = plan?.rollback && rollbackRisk(plan.rollback)
  return modal({
    callback,
    title: 'Talked over',
    submit: 'Talked over',
    close: 'Go back',
    metadata,
    blocks: [
      section([
        `You confirm that ${plan?.rollback === undefined ? `the migrations of ${what(release)} were` : `${what(release)} was`} discussed with the people ${plan?.rollback === undefined ? 'they affect' : 'it affects'}.`,
        ...(risk === undefined ? [] : [`:warning: ${defused(capital(risk), 1000)}.`]),
        ...(risky === '' ? [] : [`:warning: Migrations: ${risky}.`]),
        ...(plan === undefined || pullRequest(plan).length === 0 ? [] : [pullRequest(plan).join('')]),
        ...(starts ? [`*${defused(startWords(release))}*`] : []),
      ]),
      written(FIELD.note, 'Note', {
        ask: 'With whom, and what was agreed?',
        hint: 'Visible to everyone in the channel.',
        least: 1,
        ...defined({ typed: note }),
      }),
    ],
  })
}

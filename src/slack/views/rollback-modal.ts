/** The modal of a rollback: where to go back to, the reason, and whether the environment is locked afterwards. */
import type { ModalView } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { Release } from '../../release/release.ts'
import type { RollbackChoice } from '../../release/rollback.ts'
import { VIEW } from '../ids.ts'
import { modal, written } from './modals.ts'
import { context, plain, section } from './parts/blocks.ts'
import { called, place } from './parts/facts.ts'
import { frozenLine } from './parts/freeze.ts'
import { type Choice, selectField } from './parts/select.ts'
import { cut, date, defused, oneLine, short, utc } from './parts/text.ts'
import { STATE_VIEWS } from './state/index.ts'

/** The block_id, which is also the action_id, of each field. */
export const ROLLBACK_FIELD = { to: 'to', reason: 'reason', lock: 'lock' } as const
/** The value of the ticked checkbox. */
export const LOCK_AFTERWARDS = 'lock'

export interface RollbackModalFacts {
  readonly app: string
  readonly environment: string
  /** The release that put there what runs now, and that becomes bad; absent where that was none of ours. */
  readonly undone?: RollbackChoice
  /** The newest first. */
  readonly choices: readonly RollbackChoice[]
  /** The release that is picked at first; absent: a person has to pick one. */
  readonly chosen?: number
  /** What was typed after `because`. */
  readonly reason?: string
  /** The freezes because of which it is planned for an emergency, and whether the box was ticked. */
  readonly frozen?: { readonly names: readonly string[]; readonly locks: boolean }
  /** The release that submitting ends. */
  readonly superseded?: Release
  readonly metadata: string
}

/** **To**, **Reason** and **Lock afterwards**, with what runs now. */
export function rollbackModal(facts: RollbackModalFacts): ModalView {
  const { app, environment, undone, choices, chosen, reason, frozen, superseded, metadata } = facts
  const name = defused(environment, 60)
  return modal({
    callback: VIEW.rollback,
    title: 'Roll back',
    submit: 'Plan the rollback',
    close: 'Go back',
    metadata,
    blocks: [
      section([`*Roll back ${defused(place({ app, environment }), 120)}*`, ...runsNow(undone)]),
      ...(frozen === undefined ? [] : [section(frozenLine(frozen.names, 'rollback'))]),
      ...(superseded === undefined ? [] : [section(supersededLine(superseded))]),
      selectField(
        ROLLBACK_FIELD.to,
        {
          label: 'To',
          placeholder: 'Pick a release to go back to',
          chosen: chosen === undefined ? undefined : String(chosen),
        },
        choices.map(optionOf),
      ),
      written(ROLLBACK_FIELD.reason, 'Reason', {
        ask: 'What is wrong with what runs now?',
        hint: `Visible to everyone in the channel.${undone === undefined ? '' : ` #${undone.number} is marked as bad with this reason.`}`,
        least: 1,
        ...defined({ typed: reason }),
      }),
      {
        type: 'input',
        block_id: ROLLBACK_FIELD.lock,
        optional: true,
        label: plain('Lock afterwards'),
        element: {
          type: 'checkboxes',
          action_id: ROLLBACK_FIELD.lock,
          options: [lockOption(name)],
          ...(frozen?.locks !== false && { initial_options: [lockOption(name)] }),
        },
      },
      context(
        'Signoff first makes a plan, which changes nothing: the commits that go away, and whether the old code can run on the current database.',
        'A rollback leaves repository and database as they are.',
      ),
    ],
  })
}

function runsNow(undone: RollbackChoice | undefined): string[] {
  if (undone === undefined) return ['What runs now was not deployed by Signoff, so pick the release to go back to.']
  const { number, commit, at, requester, title } = undone
  return [
    `Runs now: #${number}, ${short(commit)} · ${defused(requester.name, 40)}, ${date(at)}`,
    ...(title === undefined ? [] : [defused(title, 100)]),
  ]
}

function optionOf({ number, commit, at, requester, title }: RollbackChoice): Choice {
  const who = cut(oneLine(requester.name), 30)
  return {
    name: String(number),
    label: `#${number} · ${short(commit)} · ${utc(at)}`,
    description: title === undefined ? `By ${who}` : `${who} · ${oneLine(title)}`,
  }
}

function lockOption(environment: string) {
  return { text: plain(`Keep others from releasing to ${environment} until you unlock it`, 75), value: LOCK_AFTERWARDS }
}

function supersededLine(release: Release): string {
  const who = defused(release.requester.name, 40)
  return `:warning: ${called(release)}, requested by ${who}, ${STATE_VIEWS[release.state].inSentence}. The rollback ends #${release.number}; it can be planned again afterwards.`
}

/** The card's buttons: chosen by the state, drawn by their rows in `actions.ts`. */
import type { Button, ConfirmationDialog } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { Action } from '../../release/actions.ts'
import type { Owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { ACTION_VIEWS } from '../actions.ts'
import { plain } from './parts/blocks.ts'
import { STATE_VIEWS } from './state/index.ts'

/** Every button that a card in this state has. Each needs a token: the value that the store resolves. */
export function buttonsOf(release: Release, owed: readonly Owed[]): readonly Action[] {
  const { row, seats, cancelEffect } = STATE_VIEWS[release.state]
  const cancel: readonly Action[] = cancelEffect && release.cancelRequestedBy === undefined ? ['cancel'] : []
  const details: readonly Action[] = release.plan === undefined ? [] : ['details']
  return [...row(release, owed), ...cancel, ...details, ...(seats?.(release) ?? [])]
}

/** The likely next click of a card: one. */
function primaryOf(row: readonly Action[]): Action | undefined {
  const ranked = row.flatMap((action) => {
    const rank = ACTION_VIEWS[action].primaryRank
    return rank === null ? [] : [{ action, rank }]
  })
  return ranked.toSorted((a, b) => a.rank - b.rank)[0]?.action
}

/** Draws buttons; one without a token is left out. */
export function buttons(
  wanted: readonly Action[],
  release: Release,
  facts: {
    readonly environment: Environment
    readonly tokens: Readonly<Partial<Record<Action, string>>>
    readonly owed: readonly Owed[]
    readonly now?: Date
  },
): readonly Button[] {
  const primary = primaryOf(STATE_VIEWS[release.state].row(release, facts.owed))
  return wanted.flatMap((action): Button[] => {
    const token = facts.tokens[action]
    if (token === undefined) return []
    const question = questionOf(action, release, facts)
    return [button(action, release, { token, isPrimary: action === primary, ...defined({ question }) })]
  })
}

/** The dialog before a click on the button is sent; undefined where the button asks nothing. */
export function questionOf(
  action: Action,
  release: Release,
  facts: { readonly environment: Environment; readonly owed: readonly Owed[]; readonly now?: Date },
): ConfirmationDialog | undefined {
  const { label, confirm } = ACTION_VIEWS[action]
  return confirm?.(release, { ...facts, label })
}

/** Draws one button. `token`: the store resolves it to its release and action. `question`: the dialog before it is sent. */
export function button(
  action: Action,
  release: Release,
  { token, isPrimary, question }: { token: string; isPrimary: boolean; question?: ConfirmationDialog },
): Button {
  const { id, label, spokenLabel } = ACTION_VIEWS[action]
  return {
    type: 'button',
    action_id: id,
    text: plain(label, 75),
    value: token,
    ...defined({
      accessibility_label: spokenLabel?.(release),
      style: isPrimary ? ('primary' as const) : undefined,
      confirm: question,
    }),
  }
}

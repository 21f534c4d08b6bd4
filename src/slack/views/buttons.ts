/** The card's buttons: which the state calls for, drawn as their rows in `actions.ts` say. */
import type { Button, ConfirmationDialog } from '@slack/types'
import type { Action } from '../../release/actions.ts'
import { awaitsGo } from '../../release/hotfix.ts'
import type { Owed } from '../../release/policy.ts'
import { isEmergency, type Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { ACTION_VIEWS } from '../actions.ts'
import { plain } from './parts/blocks.ts'

/** Sign-offs in the order of their buttons. */
function asked(owed: readonly Owed[]): readonly Action[] {
  const order: readonly Owed['kind'][] = ['talked over', 'qa', 'approval']
  return order.filter((kind) => owed.some((one) => one.kind === kind && one.count > 0))
}

/** Every button that a card in this state has. Each needs a token: the value that the store resolves. */
export function buttonsOf(release: Release, owed: readonly Owed[]): readonly Action[] {
  return [...rowOf(release, owed), ...seatsOf(release)]
}

/** The buttons of the row of decisions, leftmost first. */
export function rowOf(release: Release, owed: readonly Owed[]): readonly Action[] {
  switch (release.state) {
    case 'awaiting sign-off':
      // Its requester alone has the button that lets it go.
      if (awaitsGo(release)) return []
      return [...asked(owed), 'rejection', 'emergency']
    case 'succeeded':
    case 'closed':
      return isEmergency(release) ? asked(owed) : []
    case 'failed':
    case 'outdated':
    case 'expired':
    case 'refused':
      return release.replacedBy === undefined ? ['plan again', ...forEmergency(release)] : []
    case 'needs attention':
      return ['retry', 'close']
    case 'planning':
    case 'approved':
    case 'running':
    case 'rejected':
    case 'cancelled':
      return []
  }
}

/** What checks have stopped can be planned for an emergency: they are asked for only where people sign. */
export function forEmergency({ problem, replacedBy }: Release): readonly Action[] {
  return problem?.because.gate === 'checks_failed' && replacedBy === undefined ? ['plan for an emergency'] : []
}

/** The buttons that sit beside a line: Cancel at the state, Details at what it details, Plan again at what is newer. */
function seatsOf(release: Release): readonly Action[] {
  const mayCancel = ['planning', 'awaiting sign-off', 'approved', 'running'].includes(release.state)
  return [
    ...(mayCancel && release.cancelRequestedBy === undefined ? (['cancel'] as const) : []),
    ...(release.plan === undefined ? [] : (['details'] as const)),
    ...(hasNewer(release) ? (['plan again'] as const) : []),
  ]
}

export function hasNewer(release: Release): boolean {
  return release.state === 'awaiting sign-off' && (release.newerCommits ?? 0) > 0 && release.replacedBy === undefined
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
  },
): readonly Button[] {
  const primary = primaryOf(rowOf(release, facts.owed))
  return wanted.flatMap((action): Button[] => {
    const token = facts.tokens[action]
    if (token === undefined) return []
    const { label, confirm } = ACTION_VIEWS[action]
    const question = confirm?.(release, { ...facts, label })
    return [button(action, release, { token, isPrimary: action === primary, ...(question && { question }) })]
  })
}

/** Draws one button. `token`: what the store resolves to its release and action. `question`: asked before it is sent. */
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
    ...(spokenLabel && { accessibility_label: spokenLabel(release) }),
    ...(isPrimary && { style: 'primary' }),
    ...(question && { confirm: question }),
  }
}

/** The card's buttons: which the state calls for, and what each asks before it acts. */
import type { Button, ConfirmationDialog } from '@slack/types'
import { awaitsGo } from '../../release/hotfix.ts'
import { isLastOwed, type Owed } from '../../release/policy.ts'
import { irreversibleBegun, isEmergency, type Release, step } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { ACTION, type Action, BUTTON_LABEL } from '../ids.ts'
import { confirm, plain } from './parts/blocks.ts'
import { called, finalCommit, place, risks, stepNow, stepsInOrder, whatGoes } from './parts/facts.ts'
import { capital, short, together } from './parts/text.ts'

const ACTION_OF: Readonly<Record<Owed['kind'], Action>> = {
  'talked over': ACTION.talkedOver,
  qa: ACTION.qaPassed,
  approval: ACTION.approve,
}

/** Sign-offs in the order of their buttons. */
function asked(owed: readonly Owed[]): readonly Action[] {
  const order: readonly Owed['kind'][] = ['talked over', 'qa', 'approval']
  return order.filter((kind) => owed.some((one) => one.kind === kind && one.count > 0)).map((kind) => ACTION_OF[kind])
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
      return [...asked(owed), ACTION.reject, ACTION.emergency]
    case 'succeeded':
    case 'closed':
      return isEmergency(release) ? asked(owed) : []
    case 'failed':
    case 'outdated':
    case 'expired':
    case 'refused':
      return release.replacedBy === undefined ? [ACTION.planAgain, ...forEmergency(release)] : []
    case 'needs attention':
      return [ACTION.retry, ACTION.close]
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
  return problem?.because.gate === 'checks_failed' && replacedBy === undefined ? [ACTION.planForEmergency] : []
}

/** The buttons that sit beside a line: Cancel at the state, Details at what it details, Plan again at what is newer. */
function seatsOf(release: Release): readonly Action[] {
  const mayCancel = ['planning', 'awaiting sign-off', 'approved', 'running'].includes(release.state)
  return [
    ...(mayCancel && release.cancelRequestedBy === undefined ? [ACTION.cancel] : []),
    ...(release.plan === undefined ? [] : [ACTION.details]),
    ...(hasNewer(release) ? [ACTION.planAgain] : []),
  ]
}

export function hasNewer(release: Release): boolean {
  return release.state === 'awaiting sign-off' && (release.newerCommits ?? 0) > 0 && release.replacedBy === undefined
}

/** One of these is the likely next click; one a card. */
const LIKELY: readonly Action[] = [ACTION.approve, ACTION.qaPassed, ACTION.talkedOver, ACTION.retry, ACTION.planAgain]

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
  const primary = LIKELY.find((action) => rowOf(release, facts.owed).includes(action))
  return wanted.flatMap((action): Button[] => {
    const token = facts.tokens[action]
    if (token === undefined) return []
    const question = questionOf(action, release, facts.owed, facts.environment)
    return [
      {
        type: 'button',
        action_id: action,
        text: plain(BUTTON_LABEL[action], 75),
        value: token,
        ...(action === ACTION.details
          ? { accessibility_label: `Details of release ${release.number}: commits, files, migrations` }
          : {}),
        ...(action === primary ? { style: 'primary' as const } : {}),
        ...(question === undefined ? {} : { confirm: question }),
      },
    ]
  })
}

function questionOf(
  action: Action,
  release: Release,
  owed: readonly Owed[],
  environment: Environment,
): ConfirmationDialog | undefined {
  switch (action) {
    case ACTION.qaPassed:
    case ACTION.approve:
      return signOffQuestion(action, release, owed)
    case ACTION.cancel:
      return confirm({
        title: `Cancel ${called(release)}?`,
        text: cancelEffect(release),
        yes: 'Cancel it',
        no: 'Let it go on',
        danger: true,
      })
    case ACTION.retry:
      return confirm({
        title: `Retry ${called(release)}?`,
        text: retryEffect(release, environment),
        yes: 'Retry',
        no: 'Go back',
      })
    default:
      return undefined
  }
}

/** Whether this button's click would leave nothing owed, and so starts the release. */
export function isLast(action: Action, owed: readonly Owed[]): boolean {
  return owed.some(({ kind }) => ACTION_OF[kind] === action && isLastOwed(owed, kind))
}

/** `This starts #12 on production now. 5 commits and 2 migrations go to api production. 1 destroys data.` */
export function startWords(release: Release): string {
  const starts = `This starts #${release.number} on ${release.environment} now.`
  if (release.plan === undefined) return starts
  const risky = risks(release.plan)
  const goes = capital(whatGoes(release.plan))
  const one = /^1 \w+$/.test(goes)
  return `${starts} ${goes} ${one ? 'goes' : 'go'} to ${place(release)}.${risky === '' ? '' : ` Migrations: ${risky}.`}`
}

function signOffQuestion(action: Action, release: Release, owed: readonly Owed[]): ConfirmationDialog | undefined {
  const yes = BUTTON_LABEL[action]
  if (release.state !== 'awaiting sign-off') {
    return confirm({
      title: `${yes}: ${called(release)}, afterwards?`,
      text: `It ${release.state === 'closed' ? 'was closed as it stood' : 'is out already'}. Your word completes the record and changes nothing on ${release.environment}.`,
      yes,
      no: 'Go back',
    })
  }
  if (!isLast(action, owed)) return undefined
  return confirm({ title: `${yes}: start ${called(release)}?`, text: startWords(release), yes, no: 'Go back' })
}

function cancelEffect(release: Release): string {
  if (release.state === 'planning') return 'Planning stops. Nothing has been changed so far.'
  if (release.state === 'awaiting sign-off')
    return 'Its sign-offs are void after that. Nothing has been changed so far.'
  const now = stepNow(release)
  if (release.state === 'approved' || now === undefined)
    return irreversibleBegun(release.steps)
      ? 'No step starts any more. What is done stays as it is.'
      : 'No step starts any more. Nothing has been merged, migrated or pushed so far.'
  const request = release.plan?.pullRequest
  const merged = step(release, 'merge')?.state === 'done' && request !== undefined
  return [
    'No new step starts.',
    now.state === 'running'
      ? `${capital(now.name)} is running: it is settled, and told as it ends.`
      : `${capital(now.name)} does not start.`,
    ...(merged ? [`${together('PR', `#${request.id}`)} stays merged.`] : []),
  ].join(' ')
}

function retryEffect(release: Release, environment: Environment): string {
  const done = stepsInOrder(release).filter(({ state }) => state === 'done')
  const from = stepNow(release)?.name
  const commit = finalCommit(release)
  if (release.problem?.because.gate === 'push_unknown' && commit !== undefined) {
    const name = environment.remote.name
    return `It looks at ${name} first. If ${short(commit)} is there, it goes on to confirm; if not, it pushes once.`
  }
  return `It goes on from ${from ?? 'where it stopped'}, with the same plan and sign-offs, and looks first at what is there.${done.length === 0 ? '' : ` Not repeated: ${done.map(({ name }) => name).join(', ')}.`}`
}

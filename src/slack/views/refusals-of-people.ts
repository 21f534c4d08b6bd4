/** The messages of refusals by people, names or the release's own state. */

import { isNear } from '../../lib/edit-distance.ts'
import { SIGNOFF } from '../../release/automatic.ts'
import type { Refusal } from '../../release/refusals.ts'
import type { SignOffKind } from '../../release/terms.ts'
import { bold, code, type Line, richDate, richLink } from './parts/blocks.ts'
import { saysNotMe } from './parts/disputed.ts'
import { allowedPeople } from './parts/people.ts'
import { richStartsAt, scheduleOf } from './parts/schedule.ts'
import { oneLine } from './parts/text.ts'
import { displayName, type Hints, invite, tokenFix, type Words } from './parts/words.ts'
import { STATE_VIEWS } from './state/index.ts'

/** What people shorten a name to. */
const LEAST_BEGINNING = 3

function known(asked: string, names: readonly string[]): Line[] {
  const [nearest] = names
  if (nearest === undefined) return [[code('releases.yml'), ' declares none.']]
  const all = names.slice(0, 20).map(displayName).join(', ')
  if (names.length === 1) return [[`The only one is ${all}.`]]
  const begins = names.find((name) => asked.length >= LEAST_BEGINNING && name.startsWith(asked.toLowerCase()))
  const meant = begins ?? (isNear(asked, nearest) ? nearest : undefined)
  return [[meant !== undefined ? `Did you mean ${displayName(meant)}? Known: ${all}.` : `Known: ${all}.`]]
}

function followed(branch: string, environments: readonly string[]): Line {
  const by = environments.slice(0, 5).map(displayName).join(' and ')
  const follow = environments.length === 1 ? 'follows' : 'follow'
  return [`“${displayName(branch)}” is the branch that ${by} ${follow}. Give the environment, not its branch.`]
}

const RELEASE_FILE: Line = ['The names come from ', code('releases.yml'), '.']

const MEMBERSHIP = {
  guest: 'a guest',
  external: 'from another organisation',
  bot: 'a bot',
  deactivated: 'deactivated',
  'other workspace': 'of another workspace',
} as const

const ALREADY: Readonly<Record<SignOffKind, string>> = {
  qa: 'confirmed QA',
  approval: 'approved',
  'talked over': 'confirmed the discussion',
  rejection: 'rejected it',
  emergency: 'declared this an emergency',
}

type PeopleGate =
  | 'unknown_app'
  | 'unknown_environment'
  | 'unknown_release'
  | 'not_a_member'
  | 'environment_busy'
  | 'no_worker'
  | 'not_an_approver'
  | 'not_a_qa'
  | 'not_allowed'
  | 'own_release'
  | 'own_commits'
  | 'already_signed'
  | 'already_decided'
  | 'expired'
  | 'announcement_unconfirmed'
  | 'time_ran_out'
  | 'reason_too_short'
  | 'stale_button'
  | 'start_not_confirmed'
  | 'sign_off_disputed'

export const PEOPLE_REFUSALS: {
  readonly [G in PeopleGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  sign_off_disputed: ({ number, kind, person }) => ({
    cant: `retry #${number}`,
    why: `${saysNotMe(displayName(person.name), kind)}, so a sign-off that it needs is void`,
    next: [['Press ', bold('Close'), ', then request a new release: it asks for every sign-off again.']],
  }),
  unknown_app: ({ asked, names }) => ({
    cant: 'do this',
    why: `there is no app “${displayName(asked)}”`,
    next: [...known(asked, names), RELEASE_FILE],
  }),
  unknown_environment: ({ asked, app, names, followedBy = [] }) => ({
    cant: 'do this',
    why: `there is no environment “${displayName(asked)}”${app === undefined ? '' : ` of ${app}`}`,
    next: [...(followedBy.length === 0 ? known(asked, names) : [followed(asked, followedBy)]), RELEASE_FILE],
  }),
  unknown_release: ({ number }) => ({
    cant: 'do this',
    why: `there is no release #${number}`,
    next: [['To list the last releases, type ', code('/deploy history'), '.']],
  }),
  not_a_member: ({ why, error }) =>
    why === 'Slack did not answer' && error !== undefined
      ? {
          cant: 'do this',
          why: `Slack refuses Signoff’s token (${displayName(error)}), so your permissions could not be checked`,
          next: [tokenFix(error)],
        }
      : why === 'Slack did not answer'
        ? {
            cant: 'do this',
            why: 'Slack did not answer, so your permissions could not be checked',
            next: [['Try again in a minute. Permissions are never cached.']],
          }
        : {
            cant: 'do this',
            why: `only full members of this workspace can, and Slack says that you are ${MEMBERSHIP[why]}`,
            next: [['Ask a full member to do it.']],
          },
  environment_busy: ({ number, app, environment, state, requester, waitsForGo, startAt, timeZone, link }) => {
    const { inSentence, mustPress } = STATE_VIEWS[state]
    const isWaiting = state === 'scheduled' || state === 'awaiting sign-off'
    const when: Line =
      startAt === undefined || !isWaiting
        ? []
        : [' It starts: ', richStartsAt(scheduleOf({ at: startAt, timeZone: timeZone ?? 'UTC' })), '.']
    return {
      cant: 'start a release',
      why: `${app} ${environment} is already being released by #${number}`,
      next: [
        [
          link === undefined ? `Release #${number}` : richLink(link, `Release #${number}`),
          `, requested ${requester.id === SIGNOFF.id ? 'automatically' : `by ${displayName(requester.name)}`}, ${waitsForGo ? 'waits for their Go' : inSentence}.`,
          ...when,
        ],
        mustPress === undefined
          ? [
              requester.id === SIGNOFF.id
                ? `Wait until #${number} ends, or cancel it: `
                : `Wait until #${number} ends, or ask the requester or an approver to cancel it: `,
              code(`/deploy cancel ${number}`),
              '.',
            ]
          : ['Someone has to press ', ...mustPress, ' on its card first.'],
      ],
    }
  },
  no_worker: ({ lastSeen, host, group }) => ({
    cant: 'plan',
    why: `no worker${group === undefined ? '' : ` of group ${group}`} responds, and only a worker can read the repository, the remote and the database`,
    next: [
      lastSeen === undefined
        ? ['No worker has been seen yet.']
        : [
            'A worker was last seen: ',
            ...(host === undefined ? [] : [`${oneLine(host)}, `]),
            richDate(new Date(lastSeen)),
            '.',
          ],
      [
        'Start a worker on its host with ',
        code(`signoff start --role worker${group === undefined ? '' : ` --group ${group}`}`),
        ', and check it with ',
        code('signoff doctor'),
        '.',
      ],
    ],
  }),
  not_an_approver: ({ who, action }, hints) => ({
    cant: displayName(action),
    why: 'you don’t have permission',
    next: [['Ask ', ...allowedPeople(who, hints), '.']],
  }),
  not_a_qa: ({ who }, hints) => ({
    cant: 'confirm QA',
    why: 'you don’t have permission',
    next: [['Ask ', ...allowedPeople(who, hints), '.']],
  }),
  not_allowed: ({ action, who }, hints) => ({
    cant: displayName(action),
    why: 'you don’t have permission',
    next: [['Ask ', ...allowedPeople(who, hints), '.']],
  }),
  own_release: ({ who, asEmergency }, hints) =>
    asEmergency
      ? {
          cant: 'sign off',
          why: 'you declared this emergency, so someone else must give the sign-offs that it skipped',
          next: [['Ask ', ...allowedPeople(who, hints), '. Nobody releases alone.']],
        }
      : {
          cant: 'approve',
          why: 'you requested this release, so someone else must approve it',
          next: [
            ['Ask ', ...allowedPeople(who, hints), '. Nobody releases alone.'],
            ['You can still press ', bold('QA passed'), ' if QA is your role.'],
          ],
        },
  own_commits: ({ who }, hints) => ({
    cant: 'approve',
    why: 'you wrote every commit in this release, so someone else must approve it',
    next: [['Ask ', ...allowedPeople(who, hints), '. You can still press ', bold('QA passed'), '.']],
  }),
  already_signed: ({ kind, at }) => ({
    cant: 'do this twice',
    why: `you already ${ALREADY[kind]}`,
    next: [['Your sign-off: ', richDate(new Date(at)), '. It counts once; someone else has to give the next.']],
  }),
  already_decided: ({ number, state, by, at }) => {
    const { inSentence, mustPress } = STATE_VIEWS[state]
    return {
      cant: 'do this',
      why: `release #${number} ${inSentence}`,
      next: [
        [
          ...(by === undefined ? [] : [`By ${displayName(by.name)}. `]),
          ...(at === undefined ? [] : ['At: ', richDate(new Date(at)), '. ']),
          'Its card shows the current state.',
        ],
        ...(mustPress === undefined ? [] : [['Someone has to press ', ...mustPress, ' on the card.']]),
      ],
    }
  },
  expired: ({ number, at }) => ({
    cant: 'do this',
    why: `release #${number} has expired`,
    next: [['Sign-offs were due: ', richDate(new Date(at)), '. ', bold('Plan again'), ' makes a new release.']],
  }),
  announcement_unconfirmed: ({ until, number, channel }, hints) => ({
    cant: 'start yet',
    why: `Slack has not confirmed the announcement${number === undefined ? '' : ` of release #${number}`}, and nothing starts without it`,
    next: [
      ['It continues automatically when Slack answers. Otherwise it expires: ', richDate(new Date(until)), '.'],
      ...(channel === undefined
        ? []
        : [
            [
              `Check that ${displayName(channel)} exists and is not archived, and that Signoff is in it: `,
              code(invite(hints)),
              '.',
            ],
          ]),
    ],
  }),
  time_ran_out: ({ during }) => ({
    cant: 'plan',
    why: `planning took more than 5 minutes and was stopped during: ${displayName(during)}`,
    next: [['Try again. If it happens twice, check the worker’s log.']],
  }),
  reason_too_short: ({ least }) => ({
    cant: 'submit this',
    why: 'the reason is too short',
    next: [[`Write at least ${least} characters. The reason is visible to everyone in the channel.`]],
  }),
  start_not_confirmed: ({ number, environment }) => ({
    cant: 'record this yet',
    why: `it would start #${number} on ${displayName(environment)} now, and the button did not say so`,
    next: [['Press it again on the current card.']],
  }),
  stale_button: () => ({
    cant: 'do this',
    why: 'the button is out of date',
    next: [['Use the latest card, or type ', code('/deploy status'), '.']],
  }),
}

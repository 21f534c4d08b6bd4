/** What is said when people, names or the release's own state stand against it. */
import type { Refusal } from '../../release/refusals.ts'
import type { SignOffKind } from '../../release/terms.ts'
import { bold, code, type Line, richDate, richLink } from './parts/blocks.ts'
import { allowedPeople } from './parts/people.ts'
import { displayName, type Hints, type Words } from './parts/words.ts'
import { STATE_VIEWS } from './state/index.ts'

function known(names: readonly string[]): Line[] {
  const [nearest] = names
  if (nearest === undefined) return [['None is declared in ', code('releases.yml'), '.']]
  const all = names.slice(0, 20).map(displayName).join(', ')
  return [names.length === 1 ? [`There is ${all}.`] : [`There are ${all}. Did you mean ${displayName(nearest)}?`]]
}

function followed(branch: string, environments: readonly string[]): Line {
  const by = environments.slice(0, 5).map(displayName).join(' and ')
  const follow = environments.length === 1 ? 'follows' : 'follow'
  return [`“${displayName(branch)}” is the branch that ${by} ${follow}. Name the environment, not its branch.`]
}

const RELEASE_FILE: Line = ['The names come from ', code('releases.yml'), '.']

const MEMBERSHIP = {
  guest: 'a guest',
  external: 'from another organisation',
  bot: 'a bot',
  deactivated: 'deactivated',
  'other workspace': 'of another workspace',
} as const

const SAID_ALREADY: Readonly<Record<SignOffKind, string>> = {
  qa: 'said that QA passed',
  approval: 'approved',
  'talked over': 'said that it was talked over',
  rejection: 'rejected it',
  emergency: 'said that it must go out now',
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

export const PEOPLE_WORDS: {
  readonly [G in PeopleGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  unknown_app: ({ asked, names }) => ({
    why: `there is no app “${displayName(asked)}”`,
    next: [...known(names), RELEASE_FILE],
  }),
  unknown_environment: ({ asked, app, names, followedBy = [] }) => ({
    why: `there is no environment “${displayName(asked)}”${app === undefined ? '' : ` of ${app}`}`,
    next: [...(followedBy.length === 0 ? known(names) : [followed(asked, followedBy)]), RELEASE_FILE],
  }),
  unknown_release: ({ number }) => ({
    why: `there is no release #${number}`,
    next: [['The last ones are in ', code('/deploy history'), '.']],
  }),
  not_a_member: ({ why }) =>
    why === 'Slack did not answer'
      ? {
          why: 'Slack did not tell who you are, so your right could not be looked at',
          next: [['Try again in a minute. Nobody’s right is taken from memory.']],
        }
      : {
          why: `only full members of this workspace may do that, and Slack says that you are ${MEMBERSHIP[why]}`,
          next: [['Ask a full member to do it.']],
        },
  environment_busy: ({ number, app, environment, state, requester, waitsForGo, link }) => {
    const { inSentence, mustPress } = STATE_VIEWS[state]
    return {
      why: `${app} ${environment} is busy with release #${number}`,
      next: [
        [
          link === undefined ? `Release #${number}` : richLink(link, `Release #${number}`),
          `, asked for by ${displayName(requester.name)}, ${waitsForGo ? 'waits for their Go' : inSentence}.`,
        ],
        mustPress === undefined
          ? [
              'Wait until it ends, or let the requester or an approver cancel it: ',
              code(`/deploy cancel ${number}`),
              '.',
            ]
          : ['Somebody has to press ', ...mustPress, ' on its card first.'],
      ],
    }
  },
  no_worker: ({ lastSeen }) => ({
    why: 'no worker answers, and only a worker can look at the repository, the remote and the database',
    next: [
      lastSeen === undefined ? ['None was ever seen.'] : ['One was last seen: ', richDate(new Date(lastSeen)), '.'],
      ['Start one on its host, ', code('signoff start --role worker'), ', and look with ', code('signoff doctor'), '.'],
    ],
  }),
  not_an_approver: ({ who, action }, hints) => ({
    why: `you are not among those who may ${displayName(action)}`,
    next: [['It may be done by ', ...allowedPeople(who, hints), '.']],
  }),
  not_a_qa: ({ who }, hints) => ({
    why: 'you are not among those who may say that QA passed',
    next: [['It may be said by ', ...allowedPeople(who, hints), '.']],
  }),
  not_allowed: ({ action, who }, hints) => ({
    why: `you may not ${displayName(action)}`,
    next: [['It may be done by ', ...allowedPeople(who, hints), '.']],
  }),
  own_release: ({ who, asEmergency }, hints) =>
    asEmergency
      ? {
          why: 'you sent this out as an emergency, so somebody else must give what it skipped',
          next: [['Ask ', ...allowedPeople(who, hints), '. Nobody releases alone.']],
        }
      : {
          why: 'this release is your own, so somebody else must approve it',
          next: [
            ['Ask ', ...allowedPeople(who, hints), '. Nobody releases alone.'],
            ['Your own ', bold('QA passed'), ' counts, where you are among those who may say it.'],
          ],
        },
  own_commits: ({ who }, hints) => ({
    why: 'you wrote every commit of it, so somebody else must approve',
    next: [['Ask ', ...allowedPeople(who, hints), '. You may still press ', bold('QA passed'), '.']],
  }),
  already_signed: ({ kind, at }) => ({
    why: `you have ${SAID_ALREADY[kind]} already`,
    next: [['That was: ', richDate(new Date(at)), '. It counts once; another person has to give the next.']],
  }),
  already_decided: ({ number, state, by, at }) => {
    const { inSentence, mustPress } = STATE_VIEWS[state]
    return {
      why: `release #${number} ${inSentence}`,
      next: [
        [
          ...(by === undefined ? [] : [`By ${displayName(by.name)}. `]),
          ...(at === undefined ? [] : ['Since: ', richDate(new Date(at)), '. ']),
          'Its card shows how it stands.',
        ],
        ...(mustPress === undefined ? [] : [['Somebody has to press ', ...mustPress, ' on it.']]),
      ],
    }
  },
  expired: ({ number, at }) => ({
    why: `release #${number} has expired`,
    next: [['Its sign-offs were due: ', richDate(new Date(at)), '. ', bold('Plan again'), ' makes a new release.']],
  }),
  announcement_unconfirmed: ({ until, number, channel }) => ({
    why: `Slack has not confirmed the announcement${number === undefined ? '' : ` of release #${number}`}, and nothing starts before it`,
    next: [
      ['It goes on by itself when Slack answers, or expires: ', richDate(new Date(until)), '.'],
      ...(channel === undefined
        ? []
        : [
            [
              `See that ${displayName(channel)} is there and not archived, and that the bot is in it: `,
              code('/invite @Signoff'),
              '.',
            ],
          ]),
    ],
  }),
  time_ran_out: ({ during }) => ({
    why: `planning took more than 5 minutes, and was stopped during: ${displayName(during)}`,
    next: [['Ask again. If it happens twice, look at the worker’s log.']],
  }),
  reason_too_short: ({ least }) => ({
    why: 'the reason is too short',
    next: [[`Write at least ${least} characters: everybody in the channel reads it.`]],
  }),
  stale_button: () => ({
    why: 'this button is out of date',
    next: [['Look at the card as it is now, or type ', code('/deploy status'), '.']],
  }),
}

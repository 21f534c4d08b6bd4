/** What is said when the repository, the remote, the database, a service or the configuration stands against it. */
import type { CheckStatus } from '../../release/plan.ts'
import type { Refusal } from '../../release/refusals.ts'
import { FORGE_UNREACHABLE, type ForgeUnreachable, programOf } from '../../release/stored-names.ts'
import { bold, code, commitLink, type Line, richLink } from './parts/blocks.ts'
import { allowedPeople } from './parts/people.ts'
import { counted, cut, eight, oneLine, short } from './parts/text.ts'
import { displayName, type Hints, platformWords, quoteOutput, truncated, type Words } from './parts/words.ts'

const INVITE: Line = ['Signoff has to be in it: ', code('/invite @Signoff'), '.']

function unreachable(what: string, detail: string, ...next: Line[]): Words {
  return { why: `${what} did not answer, in three tries`, next, ...quoteOutput(detail) }
}

/** Asked once: the same question gets the same answer until a setting is mended. */
function unusable(what: string, detail: string, ...next: Line[]): Words {
  return { why: `${what} answered, but not what was asked`, next, ...quoteOutput(detail) }
}

const IN_RELEASES: Line = [' in ', code('releases.yml'), ', ']

/** A fact before or after it moved: commits by their seven digits, all else as it is. */
function shown(fact: string): string {
  return /^[0-9a-f]{40}$/.test(fact) ? short(fact) : cut(oneLine(fact), 60) || 'nothing'
}

/** Checks are the one gate of the world that an emergency waives. */
function inAnEmergency({ emergencyBy, ...people }: Hints): Line[] {
  if (emergencyBy === undefined) return []
  const who = emergencyBy === 'every full member' ? ['any full member'] : allowedPeople(emergencyBy, people)
  return [
    ['If it cannot wait: ', bold('Must go out now…'), ' sends it without them, said by ', ...who, '.'],
    [bold('Plan for an emergency'), ' makes a new release whose card has that button.'],
  ]
}

/** What checks that have not all passed look like. */
export function checksWords(checks: readonly CheckStatus[]): { readonly why: string; readonly list: readonly Line[] } {
  if (checks.length === 0) return { why: 'no check has reported on the commit', list: [] }
  const bad = checks.filter(({ state }) => state !== 'passed')
  return {
    why: `${counted(bad.length, 'check')} did not pass`,
    list: truncated(bad, ({ name: check, state, url }) => [
      richLink(url, cut(oneLine(check), 64) || 'check'),
      ` ${state}`,
    ]),
  }
}

type WorldGate =
  | 'repository_unreachable'
  | 'remote_unreachable'
  | 'database_unreachable'
  | ForgeUnreachable
  | 'platform_unreachable'
  | 'credentials_refused'
  | 'channel_unreachable'
  | 'configuration_differs'
  | 'same_database'
  | 'branch_missing'
  | 'nothing_to_release'
  | 'merge_conflict'
  | 'merge_not_allowed'
  | 'remote_diverged'
  | 'checks_failed'
  | 'migrations_unreadable'
  | 'migration_heads'
  | 'unknown_revision'
  | 'plan_outdated'

export const WORLD_WORDS: {
  readonly [G in WorldGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  repository_unreachable: ({ url, detail, answered }) =>
    answered
      ? unusable('the repository’s server', detail, [
          'Look whether ',
          code(url),
          ' is the repository: it comes from ',
          code('git_url'),
          ' or ',
          code('repository'),
          ...IN_RELEASES,
          'and the token has to see it. Then ask again.',
        ])
      : unreachable('the repository', detail, [
          'Look whether ',
          code(url),
          ' answers from the worker’s host, then ask again.',
        ]),
  remote_unreachable: ({ remote, detail, answered }) =>
    answered
      ? unusable(`the remote ${displayName(remote)}`, detail, [
          'Look whether ',
          code('remote.url'),
          ...IN_RELEASES,
          'is the right one and whether its account may see it, then ask again.',
        ])
      : unreachable(`the remote ${displayName(remote)}`, detail, [
          'Look at the platform’s status page and at the way from the worker’s host to it (',
          code(`git ls-remote ${displayName(remote)}`),
          '), then ask again.',
        ]),
  database_unreachable: ({ database, detail }) =>
    unreachable(
      `the database ${displayName(database)}`,
      detail,
      ['Look whether it is up and whether the worker’s host may connect to it.'],
      ['Its password may have been rotated: then the ', code('env_file'), ' on the worker’s host is out of date.'],
    ),
  [FORGE_UNREACHABLE]: ({ detail, answered }, { services }) => {
    const { name, addressSetting, oddAnswers } = services.forge
    if (!answered) return unreachable(name, detail, [`Look at ${name}’s status page, then ask again.`])
    return unusable(name, detail, [
      'Look at ',
      code('repository'),
      ...IN_RELEASES,
      'and at ',
      code(addressSetting),
      ` on the worker’s host, then ask again.${oddAnswers === undefined ? '' : ` ${oddAnswers}`}`,
    ])
  },
  platform_unreachable: (refusal, hints) => {
    const { app, detail, answered } = refusal
    const { name, addressSetting } = platformWords(hints, refusal)
    const what = `${name}’s API, asked about ${displayName(app)},`
    if (!answered) return unreachable(what, detail, [`Look at ${name}’s status page, then ask again.`])
    return unusable(what, detail, [
      'Look at ',
      code('remote.app'),
      ...IN_RELEASES,
      ...(addressSetting === undefined ? [] : ['and at ', code(addressSetting), ' on the worker’s host, ']),
      'then ask again.',
    ])
  },
  credentials_refused: ({ service, settings }) => ({
    why: `${displayName(service)} refuses the worker’s credentials`,
    next: [
      [
        'On the worker’s host, renew ',
        ...settings.flatMap((setting, index) => [index === 0 ? '' : ' or ', code(setting)]),
        ', start the worker again, and look with ',
        code('signoff doctor'),
        '.',
      ],
    ],
  }),
  channel_unreachable: ({ channel, why }) => {
    const known = channel.startsWith('#') ? displayName(channel) : `the channel ${displayName(channel)}`
    switch (why) {
      case 'not a member':
        return {
          why: `Signoff is not in ${known}, where this has to be told`,
          next: [['In that channel, type ', code('/invite @Signoff'), ', then ask again.']],
        }
      case 'archived':
        return {
          why: `${known} is archived, and this has to be told there`,
          next: [['Unarchive it, or set another ', code('channel'), ' in ', code('releases.yml'), '.'], INVITE],
        }
      case 'gone':
        return {
          why: `there is no public channel ${known} that Signoff can see`,
          next: [['Set the right ', code('channel'), ' in ', code('releases.yml'), '.'], INVITE],
        }
      case 'Slack did not answer':
        return {
          why: `Slack did not tell whether Signoff can post in ${known}`,
          next: [['Try again in a minute.'], INVITE],
        }
    }
  },
  configuration_differs: ({ app, environment }) => ({
    why: `bot and worker read different entries for ${app} ${environment}`,
    next: [
      [
        'Their hosts hold two versions of ',
        code('releases.yml'),
        '. Bring the right one to both, and start both again.',
      ],
    ],
  }),
  same_database: ({ environment, other }) => ({
    why: `the migrations of ${displayName(environment)} would reach the database of ${displayName(other)}`,
    next: [['Correct the ', code('env_file'), ' of the one that is wrong, on the worker’s host, then ask again.']],
  }),
  branch_missing: ({ branch }) => ({
    why: `the repository has no branch ${displayName(branch)}`,
    next: [['Push it, or correct ', code('branch'), ' in ', code('releases.yml'), '.']],
  }),
  nothing_to_release: ({ app, environment, commit, platform }, { services, webUrl }) => ({
    why: 'there is nothing to release',
    next: [
      [
        `${app} ${environment} already runs `,
        commitLink(services, webUrl, commit),
        ', which is all that would go, and no migration is pending.',
      ],
      [
        [services.platforms[platform].sameCommit, 'Is your change merged yet? If so, ask again.']
          .filter(Boolean)
          .join(' '),
      ],
    ],
  }),
  merge_conflict: ({ source, target, files }) =>
    files.length === 0
      ? {
          why: `${displayName(source)} does not merge into ${displayName(target)}: they have no commit in common`,
          next: [['One of them was begun anew: bring it onto the other’s history, push, then ask again.']],
        }
      : {
          why: `${displayName(source)} does not merge into ${displayName(target)}: ${counted(files.length, 'file conflicts', 'files conflict')}`,
          list: truncated(files, (file) => [code(cut(oneLine(file), 120))]),
          next: [
            [`Merge ${displayName(target)} into ${displayName(source)}, settle the conflicts, push, then ask again.`],
          ],
        },
  merge_not_allowed: ({ branch, rule }, { services: { forge } }) => ({
    why: `${forge.name}’s branch rules do not let Signoff merge into ${displayName(branch)}`,
    ...quoteOutput(rule),
    next: [[`Let the token’s user merge into that branch, under ${forge.branchRules}, then ask again.`]],
  }),
  remote_diverged: ({ remote, branch, count, commits }, { services, webUrl }) => ({
    why: `${displayName(remote)} holds ${counted(count, 'commit')} that the branch ${displayName(branch)} lacks`,
    list: [
      ...commits
        .slice(0, 10)
        .map(({ sha, title, author }) => [
          commitLink(services, webUrl, sha),
          ` ${cut(oneLine(title), 64)} · ${cut(oneLine(author), 40)}`,
        ]),
      ...(count > Math.min(commits.length, 10) ? [[`and ${count - Math.min(commits.length, 10)} more`]] : []),
    ],
    next: [
      [
        `Most often somebody pushed them to the remote by hand. What people usually do: ask the authors, then merge or pick them into ${displayName(branch)}, or revert them on it, and ask again.`,
      ],
      ['A push would lose them. Signoff never forces one, and offers no way to.'],
    ],
  }),
  checks_failed: ({ checks }, hints) => {
    const advice =
      checks.length === 0
        ? 'This environment asks for checks. Wait until the build has reported, then ask again.'
        : 'Mend or run them again, then ask again.'
    return { ...checksWords(checks), next: [[advice], ...inAnEmergency(hints)] }
  },
  migrations_unreadable: (refusal, { services: { migrator } }) => ({
    why: `${migrator.name} cannot read the app’s migrations`,
    ...quoteOutput(refusal.detail),
    next: [
      [
        `If ${migrator.missingPart} is missing, set `,
        code(migrator.programSetting),
        ' to the program of an environment that has the app’s packages; now it is ',
        code(programOf(refusal)),
        '.',
      ],
    ],
  }),
  migration_heads: ({ heads }, { services: { migrator } }) => ({
    why: `the migrations have ${heads.length} heads, so ${migrator.name} cannot tell which is the last`,
    list: truncated(heads, ({ revision, file }) => [code(revision), ` in ${cut(oneLine(file), 100)}`]),
    next: [['Join them with ', code(`${migrator.merge} heads`), ', push, then ask again.']],
  }),
  unknown_revision: ({ revisions, commit }) => ({
    why: `the database is at ${revisions.slice(0, 3).map(eight).join(', ')}, which the commit ${short(commit)} does not have`,
    next: [
      [
        'Somebody has migrated it from another branch. Merge that branch, or downgrade the database by hand, then ask again.',
      ],
    ],
  }),
  plan_outdated: ({ moved }) => ({
    why:
      moved.length === 0
        ? 'what was planned has moved'
        : `${moved
            .slice(0, 3)
            .map(({ what }) => displayName(what))
            .join(', ')} moved since the plan was made`,
    list: truncated(moved, ({ what, from, to }) => [`${displayName(what)}: ${shown(from)} → ${shown(to)}`]),
    next: [[bold('Plan again'), ' makes a new release with what is there now.']],
  }),
}

/** The messages of refused hot-fixes, with the commands to do by hand what Signoff does not. */
import type { CommitFact, Refusal } from '../../release/refusals.ts'
import { bold, code, commitLink, type Line } from './parts/blocks.ts'
import { counted, cut, oneLine, short } from './parts/text.ts'
import { displayName, type Hints, quoteOutput, truncated, type Words } from './parts/words.ts'

type HotfixGate =
  | 'unknown_commit'
  | 'ambiguous_commit'
  | 'too_many_commits'
  | 'merge_commit'
  | 'already_applied'
  | 'pick_conflict'
  | 'pick_not_allowed'
  | 'not_followed_branch'
  | 'hotfix_goes_first'
  | 'not_sure'

function commitLine({ sha, title, author }: CommitFact, { services, webUrl }: Hints): Line {
  return [commitLink(services, webUrl, sha), ` ${cut(oneLine(title), 64)} · ${cut(oneLine(author), 40)}`]
}

const number = (count: number) => count.toLocaleString('en-US')

/** The way out where nobody may push. */
export const BY_PULL_REQUEST: Line = [
  'Or let hot-fixes go by pull request: ',
  code('hotfix: pull_request'),
  ' for the environment in ',
  code('releases.yml'),
  '.',
]

function named({ sha, title }: CommitFact): string {
  return `${short(sha)} “${cut(oneLine(title), 64)}”`
}

/** Quotes a word for a shell; branch names may contain quotes and ampersands. */
function shellWord(text: string): string {
  return /^[\w./@=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** By hand, without touching the environment's branch: the resulting commit needs the same sign-offs. */
function recipe({ branch, environment, commits, commit }: Extract<Refusal, { gate: 'pick_conflict' }>): string {
  const own = `hotfix-${short(commit.sha)}`
  // Joined by &&, so that pasted lines stop at the first that fails.
  return [
    'git fetch origin &&',
    `git switch -c ${own} ${shellWord(`origin/${branch}`)} &&`,
    `git cherry-pick -x ${commits.map((sha) => sha.slice(0, 12)).join(' ')}`,
    '# resolve the conflict, git add the files, then',
    'git cherry-pick --continue &&',
    `git push origin ${own}`,
    `# then in Slack: /hotfix <your commit> ${environment}`,
  ].join('\n')
}

export const HOTFIX_REFUSALS: {
  readonly [G in HotfixGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  unknown_commit: ({ asked, why, branches, candidates }, hints) => ({
    why:
      why === 'no commit'
        ? `“${displayName(asked)}” is not a commit`
        : branches !== undefined
          ? `the commit ${displayName(asked)} is on none of the ${number(branches.searched)} branches that were searched, of ${number(branches.count)}`
          : why === 'not there'
            ? `the repository has no commit ${displayName(asked)}`
            : `the commit ${displayName(asked)} is no longer on any branch of the repository`,
    list: truncated(candidates, (one) => commitLine(one, hints)),
    next: [
      // A full id has been asked for already.
      ...(branches !== undefined && asked.length < 40
        ? [['Give all 40 digits: Signoff then asks the repository for exactly that commit.']]
        : []),
      [
        why === 'no commit'
          ? `Give 4 to 40 hexadecimal digits, or the commit’s link on ${hints.services.forge.name}.`
          : candidates.length === 0
            ? 'Push the branch that has the commit, then try again.'
            : 'These commits can be picked. If yours is not listed, push its branch, then try again.',
      ],
    ],
  }),
  ambiguous_commit: ({ asked, candidates }, hints) => ({
    why: `${displayName(asked)} matches ${counted(candidates.length, 'commit')}`,
    list: truncated(candidates, (one) => commitLine(one, hints)),
    next: [['Try again with more digits.']],
  }),
  too_many_commits: ({ count, most }) => ({
    why: `${counted(count, 'commit')} are too many (limit: ${most})`,
    next: [['Request a release instead, with ', code('/deploy'), ', or reduce the fix to one commit.']],
  }),
  merge_commit: ({ commit, mainline, count, commits }, hints) => ({
    why: `${named(commit)} is a merge commit`,
    list: truncated(commits, (one) => commitLine(one, hints)),
    next: [
      [
        `${count === 1 ? 'Pick the commit that it merged instead' : `Pick the ${count} commits that it merged instead, oldest first (the list shows the newest first)`}. Its mainline is parent 1, `,
        commitLink(hints.services, hints.webUrl, mainline),
        '.',
      ],
    ],
  }),
  already_applied: ({ commit, branch, how }) => ({
    why:
      how === 'the commit'
        ? `${named(commit)} is already on ${displayName(branch)}`
        : how === 'the same change'
          ? `${displayName(branch)} already has the same change as ${named(commit)}`
          : `nothing of ${named(commit)} is left to pick: ${displayName(branch)} already has all of it`,
    next: [
      ['If the change is not live yet, ', code('/deploy'), ' deploys it.'],
      ['If the change was reverted, pick a commit that reverts the revert.'],
    ],
  }),
  pick_conflict: (refusal) => {
    const { commit, branch, files, lines } = refusal
    return {
      why: `${named(commit)} does not apply to ${displayName(branch)} (${counted(files.length, 'file conflicts', 'files conflict')})`,
      list: truncated(files, ({ path, line }) => [
        code(cut(oneLine(path), 120)),
        ...(line === undefined ? [] : [` line ${line}`]),
      ]),
      ...(lines.length === 0 ? {} : { verbatim: lines.map((line) => cut(oneLineKept(line), 120)).join('\n') }),
      next: [['Resolve the conflict on a branch of your own, then request the resulting commit.']],
      recipe: recipe(refusal),
    }
  },
  pick_not_allowed: ({ branch, rule }, { services: { forge } }) => ({
    why: `${forge.name}’s branch rules don’t allow Signoff to push to ${displayName(branch)}`,
    ...quoteOutput(rule),
    next: [
      [`Allow the token’s user to push to that branch under ${forge.branchRules}, then try again.`],
      BY_PULL_REQUEST,
    ],
  }),
  not_followed_branch: ({ asked, names, commits }) => ({
    why: `there is no environment “${displayName(asked)}”, and no environment follows a branch of that name`,
    next: [
      ...(names.length === 0 ? [] : [[`Environments: ${names.slice(0, 20).map(displayName).join(', ')}.`]]),
      ['If you mean a branch, Signoff does not manage it: pick by hand.'],
    ],
    ...(mayBePasted(asked) ? { recipe: byHandOn(asked, commits) } : {}),
  }),
  hotfix_goes_first: ({ requester }) => ({
    cant: 'deploy',
    why: `a hot-fix requested by ${displayName(requester.name)} goes first`,
    next: [[bold('Plan again'), ' makes a new release after the hot-fix has ended.']],
  }),
  not_sure: () => ({
    why: 'you have to confirm that it can’t wait for regular review',
    next: [['If it can wait, type ', code('/deploy'), '.']],
  }),
}

/** Refuses what a program would read as an option, and names that were cut or cleaned: they would name another branch. */
function mayBePasted(branch: string): boolean {
  return !branch.startsWith('-') && !branch.endsWith('…') && oneLine(branch) === branch
}

function byHandOn(branch: string, commits: readonly string[]): string {
  return [
    'git fetch origin &&',
    `git switch ${shellWord(branch)} &&`,
    `git cherry-pick -x ${commits.join(' ')} &&`,
    `git push origin ${shellWord(branch)}`,
  ].join('\n')
}

/** A line of a file, with its indentation. */
function oneLineKept(line: string): string {
  const [indent = ''] = /^[ \t]*/.exec(line) ?? []
  return `${indent.replaceAll('\t', '  ')}${oneLine(line)}`
}

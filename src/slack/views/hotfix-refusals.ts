/** What is said when a hot-fix can't be made, and how to do by hand what Signoff does not. */
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

function named({ sha, title }: CommitFact): string {
  return `${short(sha)} “${cut(oneLine(title), 64)}”`
}

/** A word that a shell takes as it is; branch names may hold quotes and ampersands. */
function shellWord(text: string): string {
  return /^[\w./@=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** By hand, without touching the environment's branch: what comes out goes through the same sign-offs. */
function recipe({ branch, environment, commits, commit }: Extract<Refusal, { gate: 'pick_conflict' }>): string {
  const own = `hotfix-${short(commit.sha)}`
  // Joined, so that of lines that are pasted all at once none is run after one that failed.
  return [
    'git fetch origin &&',
    `git switch -c ${own} ${shellWord(`origin/${branch}`)} &&`,
    `git cherry-pick -x ${commits.map((sha) => sha.slice(0, 12)).join(' ')}`,
    '# settle the conflict, git add the files, then',
    'git cherry-pick --continue &&',
    `git push origin ${own}`,
    `# then in Slack: /hotfix <the commit that you made> ${environment}`,
  ].join('\n')
}

export const HOTFIX_WORDS: {
  readonly [G in HotfixGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  unknown_commit: ({ asked, why, candidates }, hints) => ({
    why:
      why === 'no commit'
        ? `“${displayName(asked)}” does not read as a commit`
        : why === 'not there'
          ? `the repository has no commit ${displayName(asked)}`
          : `the commit ${displayName(asked)} is on no branch of the repository any more`,
    list: truncated(candidates, (one) => commitLine(one, hints)),
    next: [
      [
        why === 'no commit'
          ? `A commit is 4 to 40 of the digits 0 to 9 and a to f, or its link on ${hints.services.forge.name}.`
          : candidates.length === 0
            ? 'Push the branch that has it, then ask again.'
            : 'These could be picked. If yours is not among them, push the branch that has it, then ask again.',
      ],
    ],
  }),
  ambiguous_commit: ({ asked, candidates }, hints) => ({
    why: `${displayName(asked)} is the beginning of ${counted(candidates.length, 'commit')}`,
    list: truncated(candidates, (one) => commitLine(one, hints)),
    next: [['Ask again with more of its digits.']],
  }),
  too_many_commits: ({ count, most }) => ({
    why: `${counted(count, 'commit')} are too many for a hot-fix: it takes ${most}`,
    next: [['That is a release: type ', code('/deploy'), '. Or keep the fix to one commit.']],
  }),
  merge_commit: ({ commit, mainline, count, commits }, hints) => ({
    why: `${named(commit)} is a merge, and a merge is not picked`,
    list: truncated(commits, (one) => commitLine(one, hints)),
    next: [
      [
        `Ask for the ${counted(count, 'commit')} that it brought instead, oldest first: the list has them, newest first. Its mainline would be parent 1, `,
        commitLink(hints.services, hints.webUrl, mainline),
        '.',
      ],
    ],
  }),
  already_applied: ({ commit, branch, how }) => ({
    why:
      how === 'the commit'
        ? `${named(commit)} is on ${displayName(branch)} already`
        : how === 'the same change'
          ? `${displayName(branch)} has the same change as ${named(commit)} already`
          : `nothing of ${named(commit)} is left to pick: ${displayName(branch)} has all of it`,
    next: [
      ['If it is not live yet, a ', code('/deploy'), ' brings it.'],
      ['If it was reverted there, pick a commit that reverts the revert.'],
    ],
  }),
  pick_conflict: (refusal) => {
    const { commit, branch, files, lines } = refusal
    return {
      why: `${named(commit)} does not apply to ${displayName(branch)}: ${counted(files.length, 'file conflicts', 'files conflict')}`,
      list: truncated(files, ({ path, line }) => [
        code(cut(oneLine(path), 120)),
        ...(line === undefined ? [] : [` line ${line}`]),
      ]),
      ...(lines.length === 0 ? {} : { verbatim: lines.map((line) => cut(oneLineKept(line), 120)).join('\n') }),
      next: [['Settle it by hand on a branch of its own, and ask for the commit that comes out of it.']],
      recipe: recipe(refusal),
    }
  },
  pick_not_allowed: ({ branch, rule }, { services: { forge } }) => ({
    why: `${forge.name}’s branch rules let nobody push to ${displayName(branch)}`,
    ...quoteOutput(rule),
    next: [[`Let the token’s user push to that branch, under ${forge.branchRules}, then ask again.`]],
  }),
  not_followed_branch: ({ asked, names, commits }) => ({
    why: `there is no environment “${displayName(asked)}”, and none follows a branch of that name`,
    next: [
      ...(names.length === 0 ? [] : [[`Environments: ${names.slice(0, 20).map(displayName).join(', ')}.`]]),
      ['If it is a branch, it is not Signoff’s, and is done by hand.'],
    ],
    ...(mayBePasted(asked) ? { recipe: byHandOn(asked, commits) } : {}),
  }),
  hotfix_goes_first: ({ requester }) => ({
    why: `a hot-fix that ${displayName(requester.name)} asked for goes first`,
    next: [[bold('Plan again'), ' makes a new release when the hot-fix has ended.']],
  }),
  not_sure: () => ({
    why: 'a hot-fix needs somebody who is sure that it cannot wait for regular review',
    next: [['If it can wait, type ', code('/deploy'), '.']],
  }),
}

/** Nothing that a program would take for an option, or that is cut off or was cleaned, so that it names another branch. */
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

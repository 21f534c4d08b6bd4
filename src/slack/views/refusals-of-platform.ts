/** The messages of refusals by what the platform holds, runs and can prove. */
import type { Refusal } from '../../release/refusals.ts'
import { code, commitLink } from './parts/blocks.ts'
import { counted, cut, oneLine, short } from './parts/text.ts'
import { displayName, type Hints, platformWords, quoteOutput, type Words } from './parts/words.ts'

type PlatformGate = 'remote_diverged' | 'not_provable' | 'slug_missing' | 'build_file_missing'

export const PLATFORM_REFUSALS: {
  readonly [G in PlatformGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  remote_diverged: ({ remote, branch, count, commits, runsAt }, { services, webUrl }) => ({
    why: `${runsAt === undefined ? `${displayName(remote)} has` : `${displayName(runsAt)} runs`} ${counted(count, 'commit')} that ${displayName(branch)} lacks`,
    list: [
      ...commits
        .slice(0, 10)
        .map(({ sha, title, author }) => [
          commitLink(services, webUrl, sha),
          ` ${cut(oneLine(title), 64)}${author === '' ? '' : ` · ${cut(oneLine(author), 40)}`}`,
        ]),
      ...(count > Math.min(commits.length, 10) ? [[`and ${count - Math.min(commits.length, 10)} more`]] : []),
    ],
    next:
      runsAt === undefined
        ? [
            [
              `Someone probably pushed to the remote by hand. Ask the authors, then merge, pick or revert the commits on ${displayName(branch)}, and try again.`,
            ],
            ['A forced push would lose the commits. Signoff never forces a push.'],
          ]
        : [
            [
              `Someone released them by hand, for example by a promotion or a rollback. Ask the authors, then merge the commits into ${displayName(branch)}, and try again.`,
            ],
            [`This release would take the commits off ${displayName(runsAt)}.`],
          ],
  }),
  not_provable: (refusal, hints) => {
    const { name, commands } = platformWords(hints, refusal)
    const app = displayName(refusal.app)
    return {
      why: `${name} can’t prove which commit ${app} runs`,
      ...quoteOutput(refusal.detail),
      next: [
        [
          `Deploy ${app} once by `,
          code('git push'),
          ', or let the worker’s key read its builds, then try again. To see what it runs: ',
          code(commands.running(app)),
          '.',
        ],
      ],
    }
  },
  build_file_missing: (refusal) => ({
    why: `${displayName(refusal.app)} is on ${displayName(refusal.stack)} and needs ${refusal.path} at the repository’s root, where there is none`,
    next: [
      [
        'Add ',
        code(refusal.path),
        ' to the repository’s root, and try again. To build without it: ',
        code(refusal.otherwise),
        '.',
      ],
    ],
  }),
  slug_missing: (refusal, hints) => {
    const { name, artifact, sameCommit } = platformWords(hints, refusal)
    const app = displayName(refusal.app)
    const { to, stack, commit } = refusal
    if (to !== undefined) {
      const kept =
        stack === undefined
          ? `has no ${artifact} of ${short(commit)} any more`
          : `keeps no ${artifact}s on ${displayName(stack)}`
      return {
        cant: `roll back to #${to}`,
        why: `${name} ${kept}, so ${app} can’t run it again without a build`,
        next: [
          [
            'Revert the change on the branch (',
            code('git revert'),
            ') and deploy that',
            ...(stack === undefined ? [`, or roll back to a newer release: ${name} deletes old ${artifact}s.`] : ['.']),
          ],
        ],
      }
    }
    return {
      why: `${app} has ${short(refusal.commit)} but does not run it, and ${name} has no ${artifact} of it to run again`,
      next: [
        [
          `${sameCommit === undefined ? '' : `${sameCommit} `}Push an empty commit to the branch (`,
          code('git commit --allow-empty'),
          '), then try again.',
        ],
      ],
    }
  },
}

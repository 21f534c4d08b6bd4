/** The messages of refusals by the branches: one is missing, they conflict, or the forge's rules or settings allow none of ours. */
import type { ForgeWords } from '../../release/ports/forge.ts'
import type { Refusal } from '../../release/refusals.ts'
import { code } from './parts/blocks.ts'
import { capital, counted, cut, oneLine } from './parts/text.ts'
import { displayName, type Hints, quoteOutput, truncated, type Words } from './parts/words.ts'

type MergeGate = 'branch_missing' | 'merge_conflict' | 'merge_not_allowed'

export const MERGE_REFUSALS: {
  readonly [G in MergeGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  branch_missing: ({ branch }) => ({
    why: `the repository has no branch ${displayName(branch)}`,
    next: [['Push the branch, or correct ', code('branch'), ' in ', code('releases.yml'), '.']],
  }),
  merge_conflict: ({ source, target, files }) =>
    files.length === 0
      ? {
          why: `${displayName(source)} does not merge into ${displayName(target)} (they have no common commit)`,
          next: [['One of them was rewritten: rebase it onto the other’s history, push, then try again.']],
        }
      : {
          why: `${displayName(source)} does not merge into ${displayName(target)} (${counted(files.length, 'file conflicts', 'files conflict')})`,
          list: truncated(files, (file) => [code(cut(oneLine(file), 120))]),
          next: [
            [`Merge ${displayName(target)} into ${displayName(source)}, resolve the conflicts, push, then try again.`],
          ],
        },
  merge_not_allowed: mergeNotAllowed,
}

function mergeNotAllowed(
  { branch, rule, methods, lacks, about }: Extract<Refusal, { gate: 'merge_not_allowed' }>,
  { services: { forge } }: Hints,
): Words {
  if (methods !== undefined) return methodsWords(forge, displayName(branch), methods, lacks)
  if (about === 'checks') {
    return {
      why: `nobody can meet ${forge.name}’s checks for merging into ${displayName(branch)}`,
      ...quoteOutput(rule),
      next: [[`Change that check, or who counts for it, under ${forge.branchRules} at ${forge.name}, then try again.`]],
    }
  }
  if (about === 'own branch') {
    return {
      why: `Signoff can’t create the branch ${displayName(branch)}, from which this release’s pull request comes`,
      next: [[`Allow the token’s user to create branches named signoff/* under ${forge.branchRules}, then try again.`]],
    }
  }
  return {
    why: `${forge.name}’s branch rules don’t allow Signoff to merge into ${displayName(branch)}`,
    ...quoteOutput(rule),
    next: [[`Allow the token’s user to merge into that branch under ${forge.branchRules}, then try again.`]],
  }
}

/** None of the forge's methods of merging gives a commit that can be shown before it is signed. */
function methodsWords(forge: ForgeWords, branch: string, methods: readonly string[], lacks: string | undefined): Words {
  const allow = `allow merge commits for ${branch} under ${forge.mergeSettings}`
  return lacks === undefined
    ? {
        why: `${forge.name} merges into ${branch} only by ${methods.map(displayName).join(', ')}, so the merged commit can’t be previewed`,
        next: [[`${capital(allow)} at ${forge.name}, then try again.`]],
      }
    : {
        why: `${forge.name} merges into ${branch} only by fast-forward, and ${displayName(lacks)} lacks commits of ${branch}`,
        next: [[`Merge ${branch} into ${displayName(lacks)}, or ${allow} at ${forge.name}, then try again.`]],
      }
}

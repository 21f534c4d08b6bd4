/** The words where the forge's rules or settings allow no merge of ours. */
import type { ForgeWords } from '../../release/ports/forge.ts'
import type { Refusal } from '../../release/refusals.ts'
import { capital } from './parts/text.ts'
import { displayName, type Hints, quoteOutput, type Words } from './parts/words.ts'

export function mergeNotAllowed(
  { branch, rule, methods, lacks }: Extract<Refusal, { gate: 'merge_not_allowed' }>,
  { services: { forge } }: Hints,
): Words {
  if (methods !== undefined) return methodsWords(forge, displayName(branch), methods, lacks)
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
        why: `${forge.name} merges into ${branch} only by ${methods.map(displayName).join(', ')}, so nobody can sign the commit that it would make`,
        next: [[`${capital(allow)} at ${forge.name}, then try again.`]],
      }
    : {
        why: `${forge.name} merges into ${branch} only by fast-forward, and ${displayName(lacks)} lacks commits of ${branch}`,
        next: [[`Merge ${branch} into ${displayName(lacks)}, or ${allow} at ${forge.name}, then try again.`]],
      }
}

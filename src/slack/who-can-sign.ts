/** Looks up who could give the sign-offs that a release needs, and finds those that nobody can. */
import { lookUpMember } from '../release/look-up-member.ts'
import type { Owed } from '../release/policy.ts'
import type { Directory } from '../release/ports/directory.ts'
import type { Release } from '../release/release.ts'
import { type Entry, type Ungivable, ungivable } from '../release/who-can-sign.ts'

/** In a larger list somebody can be expected to sign, and Slack isn't asked about each. */
const MOST_LOOKED_AT = 12

/** The owed sign-offs that too few people can give. `declarer`: who is about to declare an emergency. Empty if Slack fails. */
export async function findUngivable(
  directory: Directory,
  release: Release,
  owed: readonly Owed[],
  declarer?: string,
): Promise<readonly Ungivable[]> {
  const found = await Promise.all(
    owed.map(async (one) => {
      // The list may be everybody in the workspace.
      if (typeof one.by === 'string') return undefined
      const entries = await Promise.all(one.by.map((each) => entryOf(directory, each)))
      return ungivable(one, entries, release, declarer)
    }),
  )
  return found.filter((one) => one !== undefined)
}

async function entryOf(directory: Directory, entry: string): Promise<Entry> {
  if (!entry.startsWith('@')) {
    const person = await lookUpMember(directory, entry)
    return person === undefined ? { is: 'unknown' } : { is: 'person', person }
  }
  const group = await directory.lookUpGroup(entry)
  if (group === undefined) return { is: 'unknown' }
  if (group.is !== 'there') return { is: group.is, handle: entry }
  if (group.members.length > MOST_LOOKED_AT) return { is: 'unknown' }
  const members = await Promise.all(group.members.map((id) => lookUpMember(directory, id)))
  const known = members.filter((member) => member !== undefined)
  return known.length < members.length ? { is: 'unknown' } : { is: 'group', handle: entry, members: known }
}

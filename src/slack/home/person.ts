import { defined } from '../../lib/defined.ts'
import { groupsOf, type Person } from '../../release/policy.ts'
import type { Directory, PersonLookup } from '../../release/ports/directory.ts'
import type { App } from '../../release/settings.ts'

/** A member with their groups, or what Slack says of somebody who is none. */
export type FoundPerson =
  | { readonly is: 'member'; readonly person: Person }
  | Exclude<PersonLookup, { readonly is: 'member' }>

/** The person with those of all environments' groups that they belong to, as far as Slack lists them. */
export async function personOf(
  directory: Pick<Directory, 'person' | 'groupMembers'>,
  id: string,
  apps: readonly App[],
): Promise<FoundPerson> {
  const found = await directory.person(id)
  if (found.is !== 'member') return found
  const groups = [...new Set(apps.flatMap(({ environments }) => environments.flatMap(groupsOf)))]
  const members = await Promise.all(groups.map((handle) => directory.groupMembers(handle)))
  const person: Person = {
    id,
    name: found.name,
    groups: groups.filter((_, at) => members[at]?.includes(id)),
    unknownGroups: groups.filter((_, at) => members[at] === undefined),
    ...defined({ email: found.email, timeZone: found.timeZone }),
  }
  return { is: 'member', person }
}

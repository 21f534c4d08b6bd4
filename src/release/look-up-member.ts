import { defined } from '../lib/defined.ts'
import type { Directory } from './ports/directory.ts'
import type { Refusal } from './refusals.ts'
import type { Member } from './who-can-sign.ts'

/** A person as Slack has them now, also one who is no full member; undefined if Slack does not answer. */
export async function lookUpMember(directory: Pick<Directory, 'person'>, id: string): Promise<Member | undefined> {
  const found = await directory.person(id)
  if (found.is === 'unknown') return undefined
  return found.is === 'member'
    ? { id, name: found.name, isFullMember: true, ...defined({ email: found.email }) }
    : { id, name: id, isFullMember: false }
}

/** Whether a person was refused because Slack did not answer about them. */
export function isUnanswered(refusal: Refusal): boolean {
  return refusal.gate === 'not_a_member' && refusal.why === 'Slack did not answer'
}

/** Whether the sign-offs that a release still needs can be given at all. No I/O: the caller looks people up. */
import type { Owed } from './policy.ts'
import type { Release } from './release.ts'

/** One entry of a people list, as Slack has it now. */
export type Entry =
  | { readonly is: 'group'; readonly handle: string; readonly members: readonly Member[] }
  | { readonly is: 'missing'; readonly handle: string }
  | { readonly is: 'disabled'; readonly handle: string }
  | { readonly is: 'person'; readonly person: Member }
  /** Slack did not answer, or there are too many to look at: somebody may be among them. */
  | { readonly is: 'unknown' }

export interface Member {
  readonly id: string
  readonly name: string
  /** Absent for a person who is no full member of the workspace. */
  readonly isFullMember: boolean
  readonly email?: string
}

/** A sign-off that cannot be given by as many people as it needs. */
export interface Ungivable {
  readonly kind: Owed['kind']
  readonly needed: number
  /** How many could give it. */
  readonly able: number
  readonly entries: readonly UngivableEntry[]
}

export type UngivableEntry =
  | { readonly is: 'missing' | 'disabled' | 'empty'; readonly handle: string }
  /** `handle` absent: named by id. */
  | { readonly is: 'only'; readonly handle?: string; readonly people: readonly Excluded[] }

export interface Excluded {
  readonly name: string
  readonly why: 'requested' | 'wrote every commit' | 'declared the emergency' | 'signed' | 'no full member'
}

type OwedSignOff = Pick<Owed, 'kind' | 'count' | 'changes'>

/** Why this person can't give the sign-off; undefined: they can. `declarer`: who is about to declare an emergency. */
export function whyNot(
  member: Member,
  { kind, changes }: OwedSignOff,
  release: Release,
  declarer?: string,
): Excluded['why'] | undefined {
  const { id, email } = member
  if (!member.isFullMember) return 'no full member'
  const declared = release.signOffs.find((signOff) => signOff.kind === 'emergency')?.person.id ?? declarer
  if (declared === id) return 'declared the emergency'
  if (kind === 'approval') {
    if (release.requester.id === id) return 'requested'
    const authors = release.plan?.authors ?? []
    const wroteAll =
      authors.length > 0 && authors.every((author) => author.email.toLowerCase() === email?.toLowerCase())
    if (wroteAll) return 'wrote every commit'
  }
  const signed = release.signOffs.some(
    (signOff) => signOff.kind === kind && signOff.fingerprint === release.fingerprint && signOff.person.id === id,
  )
  // Who has tested some changes can test the others.
  return signed && changes === undefined ? 'signed' : undefined
}

/** The sign-off where fewer people can give it than it needs; undefined where enough can, or may be able to. */
export function ungivable(
  owed: OwedSignOff,
  entries: readonly Entry[],
  release: Release,
  declarer?: string,
): Ungivable | undefined {
  const { kind, count } = owed
  const able = new Set<string>()
  const shown: UngivableEntry[] = []
  for (const entry of entries) {
    if (entry.is === 'unknown') return undefined
    if (entry.is === 'missing' || entry.is === 'disabled') {
      shown.push(entry)
      continue
    }
    const members = entry.is === 'group' ? entry.members : [entry.person]
    const people: Excluded[] = []
    for (const member of members) {
      const why = whyNot(member, owed, release, declarer)
      if (why === undefined) able.add(member.id)
      else people.push({ name: member.name, why })
    }
    const handle = entry.is === 'group' ? { handle: entry.handle } : {}
    if (entry.is === 'group' && members.length === 0) shown.push({ is: 'empty', handle: entry.handle })
    else if (people.length > 0) shown.push({ is: 'only', ...handle, people })
  }
  return able.size >= count ? undefined : { kind, needed: count, able: able.size, entries: shown }
}

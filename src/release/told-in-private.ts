/**
 * Who is told of a fact in a direct message. Those people are not mentioned in the channel, and those who are mentioned
 * get no direct message: each fact reaches a person once. The bot decides it before the channel's message is sent, and the
 * record keeps the decision, so that a message that is sent again mentions the same people.
 */
import type { DirectMessageKind } from './direct-messages.ts'
import type { EventData, StoredEvent } from './events.ts'
import { lookUpMember } from './look-up-member.ts'
import type { Directory } from './ports/directory.ts'
import type { Store, Transaction } from './ports/store.ts'
import type { PersonName } from './terms.ts'
import type { Member } from './who-can-sign.ts'

/** A larger group is mentioned: so many direct messages would be a nuisance, and nobody would feel asked. */
const LARGEST_GROUP = 8
/** So long after Slack refused a direct message to a person, the channel mentions them. Then one is tried again. */
const REFUSED_FOR_MS = 7 * 24 * 60 * 60_000

/** What a message that mentions people may leave out, because they are told in private. */
export interface Told {
  readonly people: readonly PersonName[]
  /** Group handles and user ids of everybody else who is to be told: the channel mentions them. */
  readonly mentioned: readonly string[]
}

/** Entries of a people list, and which of the people behind them it is about. */
export interface ToBeTold {
  /** Group handles and user ids. */
  readonly entries: readonly string[]
  isAbout(member: Member): boolean
}

/** With the positions of the lists that each person is on. */
export interface Decided extends Told {
  readonly people: readonly (PersonName & { readonly lists: readonly number[] })[]
}

export interface TellingPorts {
  readonly store: Pick<Store, 'directMessages' | 'directMessageRefusal' | 'now'>
  readonly directory: Pick<Directory, 'person' | 'lookUpGroup'>
  /** False: `releases.yml` says that nobody gets any. */
  readonly directMessages?: boolean
}

/**
 * Decides who of these lists is told in private: people named by id and the members of groups of up to eight, as far as they
 * want this kind of message and Slack delivers it. Everybody is mentioned where Slack does not say who belongs to a group.
 */
export async function whoIsTold(
  ports: TellingPorts,
  kind: DirectMessageKind,
  lists: readonly ToBeTold[],
): Promise<Decided> {
  const everybody: Decided = { people: [], mentioned: [...new Set(lists.flatMap(({ entries }) => entries))] }
  if (ports.directMessages === false) return everybody
  const mentioned = new Set<string>()
  const candidates = new Map<string, { readonly member: Member; readonly lists: number[] }>()
  const reached = new Set<string>()
  for (const [list, { entries, isAbout }] of lists.entries()) {
    for (const entry of entries) {
      const found = await membersOf(ports.directory, entry)
      if (found === undefined) return everybody
      if ('tooMany' in found) {
        mentioned.add(entry)
        for (const id of found.tooMany) reached.add(id)
        continue
      }
      for (const member of found.members) {
        if (!member.isFullMember || !isAbout(member)) continue
        const { lists: others } = candidates.get(member.id) ?? { lists: [] }
        candidates.set(member.id, { member, lists: [...others, list] })
      }
    }
  }
  const people: (PersonName & { lists: readonly number[] })[] = []
  for (const { member, lists: of } of candidates.values()) {
    const { id, name } = member
    if (reached.has(id)) continue
    if (await mayBeWritten(ports, kind, id)) people.push({ id, name, lists: [...new Set(of)] })
    else mentioned.add(id)
  }
  return { people, mentioned: [...mentioned] }
}

/** The people behind an entry; undefined where Slack did not say. `tooMany`: the ids of a group that is mentioned. */
async function membersOf(
  directory: TellingPorts['directory'],
  entry: string,
): Promise<{ readonly members: readonly Member[] } | { readonly tooMany: readonly string[] } | undefined> {
  const ids = entry.startsWith('@') ? await groupOf(directory, entry) : [entry]
  if (ids === undefined) return undefined
  if (ids.length > LARGEST_GROUP) return { tooMany: ids }
  const members: Member[] = []
  for (const id of ids) {
    const member = await lookUpMember(directory, id)
    if (member === undefined) return undefined
    members.push(member)
  }
  return { members }
}

async function groupOf(directory: TellingPorts['directory'], handle: string): Promise<readonly string[] | undefined> {
  const group = await directory.lookUpGroup(handle)
  return group === undefined || group.is === 'there' ? group?.members : []
}

async function mayBeWritten({ store }: TellingPorts, kind: DirectMessageKind, id: string): Promise<boolean> {
  if (!(await store.directMessages(id))[kind]) return false
  const refusal = await store.directMessageRefusal(id)
  return refusal === undefined || (await store.now()).getTime() - refusal.at.getTime() > REFUSED_FOR_MS
}

/** Records who is told in private, and who the channel's message mentions instead. */
export function recordTold(tx: Transaction, release: number, kind: DirectMessageKind, told: Told): void {
  const people = told.people.map(({ id, name }) => ({ id, name }))
  tx.addEvent({ release, type: 'people_told', actor: 'bot', data: { kind, people, mentioned: told.mentioned } })
}

/** The last decision about a fact of this kind; of `needs attention`, about the attempt that stopped last. */
export function findTold(events: readonly StoredEvent[], kind: DirectMessageKind): Told | undefined {
  const at = events.findLastIndex(({ type, data }) => type === 'people_told' && (data as Data).kind === kind)
  const found = events[at]
  if (found === undefined) return undefined
  const isOlder = kind === 'needs attention' && events.slice(at).some(({ type }) => type === 'run_started')
  if (isOlder) return undefined
  const { people = [], mentioned = [] } = found.data as Data
  return { people, mentioned }
}

type Data = Partial<EventData['people_told']>

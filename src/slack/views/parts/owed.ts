/** The sign-offs that are given and those still required, a line each. */

import type { OwedChanges } from '../../../release/changes.ts'
import type { Owed } from '../../../release/policy.ts'
import { isEmergency, type Release, type SignOff } from '../../../release/release.ts'
import type { Ungivable } from '../../../release/who-can-sign.ts'
import { anyOf, authorName, namedOf, type People } from './people.ts'
import { type PersonFacts, shown } from './persons.ts'
import { counted, date, defused, together } from './text.ts'
import { ungivableWords } from './ungivable.ts'

/** The sign-off in the words of a sentence. */
export const SIGN_OFF_WORD = { qa: 'QA', approval: 'approval', 'talked over': 'Talked over' } as const

function isOwable(signOff: SignOff): signOff is SignOff & { kind: Owed['kind'] } {
  return Object.hasOwn(SIGN_OFF_WORD, signOff.kind)
}

/** `Has QA from Lin, 2:20 PM`, for each sign-off that counts for the current plan. Of QA for each change: who tested how many. */
export function givenLines(release: Release, facts: PersonFacts & { readonly now: Date }): readonly string[] {
  const { now } = facts
  return (
    release.signOffs
      .filter((signOff) => signOff.fingerprint === release.fingerprint)
      .filter(isOwable)
      // Of QA for each change the other lines say how far it is.
      .filter(({ kind }) => kind !== 'qa' || release.plan?.changes === undefined)
      .map(({ kind, person, at }) => {
        const sameDay = now.toISOString().slice(0, 10) === at.toISOString().slice(0, 10)
        return `Has ${SIGN_OFF_WORD[kind]} from ${shown(person, facts)}, ${date(at, sameDay ? 'time' : 'moment')}`
      })
  )
}

function what({ kind, count, databases = [], changes }: Owed, people: Pick<People, 'authorsInSlack'>): string {
  if (changes !== undefined) return `*${qaCount(changes, people)}*`
  if (databases.length > 0) return `*${SIGN_OFF_WORD[kind]}* for ${joined(databases)}`
  if (count === 1) return `*${SIGN_OFF_WORD[kind]}*`
  return kind === 'approval' ? `*${count} approvals*` : `*${SIGN_OFF_WORD[kind]} (${count} people)*`
}

/** Those whose sign-off does not count: the requester's approval, and any from the person who declared the emergency. */
function excluded(release: Release, { kind }: Owed, facts: PersonFacts): readonly string[] {
  const emergency = release.signOffs.find((signOff) => signOff.kind === 'emergency')?.person
  const people = [...(kind === 'approval' ? [release.requester] : []), ...(emergency === undefined ? [] : [emergency])]
  return [...new Map(people.map((person) => [person.id, shown(person, facts)])).values()]
}

/** `⚠ Nobody can approve: …`, a line for each sign-off that too few people can give. For mrkdwn. */
export function ungivableLines({ ungivable = [] }: { readonly ungivable?: readonly Ungivable[] }): readonly string[] {
  return ungivable.map((one) => `:warning: ${defused(ungivableWords(one), 500)}`)
}

/** `Needs *approval* from @release-approvers, not Dana`. An emergency: `Skipped *approval*, still needed from …`. */
export function owedLines(
  release: Release,
  facts: People & PersonFacts & { readonly owed: readonly Owed[]; readonly mentionGroups: boolean },
  lead: 'Needs' | 'Still needs' | 'Skipped',
): readonly string[] {
  return facts.owed
    .filter(({ count }) => count > 0)
    .map((one) => {
      const others = excluded(release, one, facts)
      const by = anyOf(one.by, facts, facts.mentionGroups && !isEmergency(release))
      const asked = facts.mentionGroups && !isEmergency(release) ? askedAuthors(one, facts) : ''
      return `${lead} ${what(one, facts)}${lead === 'Skipped' ? ', still needed' : ''} from ${by}${others.length === 0 ? '' : `, ${together('not', others.join(' and '))}`}${asked}`
    })
}

/** How many authors of untested changes a line names. */
const AUTHORS = 6

/** `QA 5 of 7 · Chi 2`: how many are tested, and how many of whose changes are not. For mrkdwn and `text`. */
export function qaCount({ untested, of, authors }: OwedChanges, people: Pick<People, 'authorsInSlack'> = {}): string {
  const shown = authors.slice(0, AUTHORS)
  const left = authors.slice(AUTHORS).reduce((sum, author) => sum + author.untested, 0)
  return [
    `QA ${of - untested} of ${of}`,
    ...shown.map((author) => together(defused(authorName(author, people), 40), author.untested)),
    ...(left > 0 ? [together('others', left)] : []),
  ].join(' · ')
}

/**
 * `. Untested changes of: <@U0CHI>`: authors of untested changes, who are asked with those who may confirm QA. `told`: the ids of
 * those who are told in private.
 */
export function askedAuthors(
  { changes }: Owed,
  { authorsInSlack = {} }: Pick<People, 'authorsInSlack'>,
  told: readonly string[] = [],
): string {
  const ids = (changes?.authors ?? []).flatMap(({ email }) => authorsInSlack[email.toLowerCase()]?.id ?? [])
  const mentions = [...new Set(ids)]
    .filter((id) => !told.includes(id))
    .slice(0, AUTHORS)
    .map((id) => `<@${id}>`)
  return mentions.length === 0 ? '' : `. Untested changes of: ${mentions.join(', ')}`
}

const SPOKEN = { qa: 'QA', approval: 'approval', 'talked over': 'a discussion with the team' } as const

/** `QA and 1 approval`, for sentences. */
export function owedSpoken(owed: readonly Owed[]): string {
  const wanted = owed.filter(({ count }) => count > 0)
  return joined(
    wanted.map(({ kind, count, databases = [], changes }) => {
      if (changes !== undefined) return qaCount(changes)
      if (kind === 'approval') return counted(count, 'approval')
      if (databases.length > 0) return `${SPOKEN[kind]} about ${joined(databases)}`
      return count === 1 ? SPOKEN[kind] : `${SPOKEN[kind]} by ${count} people`
    }),
  )
}

/** `QA from @qa or Tom, 2 approvals from any full member`. `mention`: the entries to mention, and no names are counted. */
export function owedBy(
  owed: readonly Owed[],
  people: People,
  { mention }: { mention?: readonly string[] } = {},
): string {
  const wanted = owed.map(({ kind, count, by, databases = [], changes }) => {
    const about = databases.length === 0 ? '' : ` for ${joined(databases)}`
    const word =
      changes !== undefined
        ? qaCount(changes, people)
        : kind === 'approval' && count > 1
          ? counted(count, 'approval')
          : `${SIGN_OFF_WORD[kind]}${about}`
    return `${word} from ${mention === undefined ? namedOf(by, people) : anyOf(by, people, mention)}`
  })
  return wanted.join(', ')
}

/** `QA and approval`: the sign-offs that an emergency skips. */
export function owedNames(owed: readonly Owed[]): string {
  return joined([...new Set(owed.filter(({ count }) => count > 0).map(({ kind }) => SPOKEN[kind]))])
}

function joined(parts: readonly string[]): string {
  return parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : (parts[0] ?? 'nothing')
}

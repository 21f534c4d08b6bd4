/** People who act on a release, by name: two with one display name stay two. */
import { isAutomatic } from '../../../release/automatic.ts'
import type { Release } from '../../../release/release.ts'
import type { PersonName } from '../../../release/terms.ts'
import { cut, defused, oneLine, together } from './text.ts'

/** How people are shown. */
export interface PersonFacts {
  /** As mentions, which Slack shows by the name of today. Only in an edited message: a posted one would notify them. */
  readonly mentionPeople?: boolean
}

const USER_ID = /^[UW][A-Z0-9]{1,20}$/
/** The length of a name within a line. */
const NAME_MOST = 40

/** For mrkdwn: a mention, or the name. */
export function shown(person: PersonName, { mentionPeople = false }: PersonFacts): string {
  return mentionPeople && USER_ID.test(person.id) ? `<@${person.id}>` : defused(person.name, NAME_MOST)
}

/** Completes "requested …" in a sentence: `by Dana`, or `automatically`. */
export function byWhom({ requester }: Pick<Release, 'requester'>): string {
  return isAutomatic({ requester }) ? 'automatically' : `by ${shown(requester, {})}`
}

/** `Requested by Dana`, or `Requested automatically`, for mrkdwn, kept together on one line. */
export function requestedHow({ requester }: Pick<Release, 'requester'>, name: string): string {
  return isAutomatic({ requester }) ? together('Requested', 'automatically') : together('Requested', 'by', name)
}

/** Everybody who acts on the release. */
function everybody(release: Release): readonly PersonName[] {
  const { requester, endedBy, cancelRequestedBy, signOffs, disputed = [], mark } = release
  const others = [endedBy, cancelRequestedBy, mark?.by].flatMap((person) => (person === undefined ? [] : [person]))
  return [requester, ...others, ...[...signOffs, ...disputed].map(({ person }) => person)]
}

/** What two names are compared by: people tell apart neither case nor spaces. */
function sameName(name: string): string {
  return oneLine(name).normalize('NFKC').toLowerCase()
}

/** The person with their id in the name, such as `Cleo (U0CLEO)`, where somebody else of the release has the same name. */
export function apart(person: PersonName, release: Release): PersonName {
  const { id, name } = person
  const isDouble = everybody(release).some((other) => other.id !== id && sameName(other.name) === sameName(name))
  if (!isDouble) return person
  const mark = ` (${id})`
  return { id, name: `${cut(oneLine(name), NAME_MOST - mark.length)}${mark}` }
}

/** The release with the names of its people told apart, for any message about it. */
export function withNamesApart(release: Release): Release {
  const { requester, endedBy, cancelRequestedBy, signOffs, disputed, mark, tested } = release
  return {
    ...release,
    requester: apart(requester, release),
    ...(endedBy && { endedBy: apart(endedBy, release) }),
    ...(cancelRequestedBy && { cancelRequestedBy: apart(cancelRequestedBy, release) }),
    ...(mark && { mark: { ...mark, by: apart(mark.by, release) } }),
    signOffs: signOffs.map((signOff) => ({ ...signOff, person: apart(signOff.person, release) })),
    ...(tested && { tested: tested.map((each) => ({ ...each, person: apart(each.person, release) })) }),
    ...(disputed && { disputed: disputed.map((each) => ({ ...each, person: apart(each.person, release) })) }),
  }
}

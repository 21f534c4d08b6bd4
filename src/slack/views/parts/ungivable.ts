/** Sign-offs that nobody, or too few, can give: in words for the card, the log and the modal of an emergency. */
import type { Excluded, Ungivable, UngivableEntry } from '../../../release/who-can-sign.ts'
import { counted, cut, oneLine } from './text.ts'

const CAN = { qa: 'confirm QA', approval: 'approve', 'talked over': 'press Talked over' } as const

const WHO: Readonly<Record<Excluded['why'], string>> = {
  requested: 'who asked',
  'wrote every commit': 'who wrote every commit',
  'declared the emergency': 'who declared the emergency',
  signed: 'who has signed already',
  'no full member': 'who is no full member of this workspace',
}
const SHOWN = 3

function person({ name, why }: Excluded): string {
  return `${cut(oneLine(name), 40)}, ${WHO[why]}`
}

function entry(one: UngivableEntry): string {
  switch (one.is) {
    case 'missing':
      return `there is no user group ${one.handle}`
    case 'disabled':
      return `the user group ${one.handle} is disabled`
    case 'empty':
      return `${one.handle} has no members`
    case 'only': {
      const people = one.people.slice(0, SHOWN).map(person)
      const more = one.people.length > SHOWN ? [`${one.people.length - SHOWN} more`] : []
      const all = [...people, ...more].join(', and ')
      return one.handle === undefined ? `releases.yml names only ${all}` : `${one.handle} has only ${all}`
    }
  }
}

function next({ entries, kind }: Ungivable): string {
  const setting = { qa: 'qa_by', approval: 'approvers', 'talked over': 'approvers' }[kind]
  const isAboutGroups = entries.some((one) => 'handle' in one)
  return isAboutGroups
    ? `Add people to the group in Slack, or fix ${setting} in releases.yml.`
    : `Add people to ${setting} in releases.yml.`
}

/** `Nobody can approve: @release-approvers has only Ann, who asked. Add people to …`; plain words, not defused. */
export function ungivableWords(one: Ungivable): string {
  const can = CAN[one.kind]
  const who =
    one.able === 0
      ? `Nobody can ${can}`
      : `Only ${counted(one.able, 'person', 'people')} of the ${one.needed} needed can ${can}`
  const why = one.entries.length === 0 ? '' : `: ${one.entries.slice(0, 4).map(entry).join('; ')}`
  return `${who}${why}. ${next(one)}`
}

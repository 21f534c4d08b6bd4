import type { SlackWorkspace } from './slack/workspace.ts'

export type PersonName = 'dana' | 'lin' | 'tom' | 'nia' | 'gus'

/** The people that a visitor of the sandbox can act as. */
export const PEOPLE: readonly { name: PersonName; realName: string; role: string; can: string }[] = [
  {
    name: 'dana',
    realName: 'Dana',
    role: 'Requester',
    can: 'Requests releases. Can approve releases of other people.',
  },
  { name: 'lin', realName: 'Lin', role: 'QA', can: 'Confirms that QA passed. Member of @qa.' },
  { name: 'tom', realName: 'Tom', role: 'Approver', can: 'Approves releases. Member of @release-approvers.' },
  {
    name: 'nia',
    realName: 'Nia',
    role: 'Approver',
    can: 'Approves releases, also afterwards what went out as an emergency. Member of @release-approvers.',
  },
  { name: 'gus', realName: 'Gus', role: 'Guest', can: 'Can read, but can’t sign off.' },
]

export const CHANNELS = ['product', 'engineering'] as const

/** Adds people, groups and channels to the workspace. Safe to repeat. */
export function addPeople(slack: SlackWorkspace): void {
  if (slack.users().some((user) => user.name === 'dana')) return
  const made = PEOPLE.map(({ name, realName }) =>
    slack.addUser({
      name,
      realName,
      displayName: realName,
      email: `${name}@example.test`,
      // The person at the page types times as on their own clock.
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      ...(name === 'gus' ? { guest: 'multi' as const } : {}),
    }),
  )
  const [dana, lin, tom, nia] = made
  if (dana === undefined || lin === undefined || tom === undefined || nia === undefined)
    throw new Error('the workspace has no people')
  const authors = { ada: 'Ada Nowak', ben: 'Ben Ortiz', chi: 'Chi Tanaka' }
  for (const [name, realName] of Object.entries(authors)) {
    slack.addUser({ name, realName, displayName: realName.split(' ')[0] ?? name, email: `${name}@example.test` })
  }
  slack.addGroup({ handle: 'release-approvers', users: [tom, nia, dana] })
  slack.addGroup({ handle: 'qa', users: [lin] })
  for (const name of CHANNELS) slack.addChannel({ name })
}

import type { SlackWorkspace } from './slack/workspace.ts'

export type PersonName = 'dana' | 'lin' | 'tom' | 'gus'

/** Whom a person at the sandbox can be. */
export const PEOPLE: readonly { name: PersonName; realName: string; role: string; can: string }[] = [
  {
    name: 'dana',
    realName: 'Dana',
    role: 'Requester',
    can: 'Asks for releases. May approve too, only not her own.',
  },
  { name: 'lin', realName: 'Lin', role: 'QA', can: 'Says that QA passed. In @qa.' },
  { name: 'tom', realName: 'Tom', role: 'Approver', can: 'Approves. In @release-approvers.' },
  { name: 'gus', realName: 'Gus', role: 'Guest', can: 'Reads along, and may do nothing.' },
]

export const CHANNELS = ['product', 'engineering'] as const

/** Lets the people in, unless they are there already. */
export function settle(slack: SlackWorkspace): void {
  if (slack.users().some((user) => user.name === 'dana')) return
  const made = PEOPLE.map(({ name, realName }) =>
    slack.addUser({
      name,
      realName,
      displayName: realName,
      email: `${name}@example.test`,
      ...(name === 'gus' ? { guest: 'multi' as const } : {}),
    }),
  )
  const [dana, lin, tom] = made
  if (dana === undefined || lin === undefined || tom === undefined) throw new Error('there is nobody to work with')
  const authors = { ada: 'Ada Nowak', ben: 'Ben Ortiz', chi: 'Chi Tanaka' }
  for (const [name, realName] of Object.entries(authors)) {
    slack.addUser({ name, realName, displayName: realName.split(' ')[0] ?? name, email: `${name}@example.test` })
  }
  slack.addGroup({ handle: 'release-approvers', users: [tom, dana] })
  slack.addGroup({ handle: 'qa', users: [lin] })
  for (const name of CHANNELS) slack.addChannel({ name })
}

/** What Signoff tells a person in a direct message without being asked, and the switch that each person has for each kind. */

/** The kinds, by their stored names. */
export const DIRECT_MESSAGE_KINDS = [
  'reminders',
  'needs attention',
  'locks',
  'when free',
  'schedules',
  'receipts',
] as const

export type DirectMessageKind = (typeof DIRECT_MESSAGE_KINDS)[number]

/** What a switch is called, and what a person gets while it is on. */
export interface DirectMessageSwitch {
  readonly label: string
  /** A full sentence. */
  readonly about: string
}

/** The switch of each kind, in the order in which people see them. */
export const DIRECT_MESSAGE_SWITCHES: Readonly<Record<DirectMessageKind, DirectMessageSwitch>> = {
  reminders: { label: 'Reminders', about: 'A release has waited four hours for a sign-off that you can give.' },
  'needs attention': {
    label: 'Needs attention',
    about: 'A release that you requested, or that you may retry, has stopped and needs a person.',
  },
  locks: {
    label: 'Your locks',
    about: 'Your lock is held for long or ends soon, or somebody else has taken it over or ended it.',
  },
  'when free': {
    label: 'When it is free',
    about: 'An environment that you asked to be told about is not locked any more.',
  },
  schedules: {
    label: 'Scheduled releases',
    about: 'A release that you requested for a later time became outdated before it started.',
  },
  receipts: { label: 'Receipts', about: 'You signed off a release; with a button to say that it was not you.' },
}

/** Slack's code, the last time that it did not deliver a direct message to a person, or to anybody. */
export interface DirectMessageRefusal {
  readonly error: string
  readonly at: Date
}

/** Which kinds a person gets. Every kind is on until they switch it off. */
export type DirectMessageChoices = Readonly<Record<DirectMessageKind, boolean>>

/** The choices of a person who has switched off these kinds. Names that this version does not know are left out. */
export function choicesWithout(off: readonly string[]): DirectMessageChoices {
  return Object.fromEntries(DIRECT_MESSAGE_KINDS.map((kind) => [kind, !off.includes(kind)])) as DirectMessageChoices
}

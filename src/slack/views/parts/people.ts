/** People lists in words: group handles and user ids, with or without a mention. */
import type { RichTextElement } from '@slack/types'
import type { Author } from '../../../release/changes.ts'
import type { ServiceWords } from '../../../release/ports/words.ts'
import type { PersonName } from '../../../release/terms.ts'
import { type Line, words } from './blocks.ts'
import { cut, defused, oneLine } from './text.ts'

/** What turns the entries of people lists, and the services behind a release, into words. */
export interface People {
  readonly services: ServiceWords
  /** The bot's own name in this workspace. */
  readonly botName?: string
  /** A user group's handle with `@` → its Slack id; only with it can a group be mentioned. */
  readonly groupIds?: Readonly<Record<string, string>>
  /** Slack user id → the name to show where nobody is to be mentioned. */
  readonly names?: Readonly<Record<string, string>>
  /** The people in Slack by the e-mail addresses of authors, in lower case, as far as they match. */
  readonly authorsInSlack?: AuthorsInSlack
}

export type AuthorsInSlack = Readonly<Record<string, PersonName>>

/** The name that people know an author by: that in Slack, else that of git. Not escaped. */
export function authorName({ name, email }: Author, { authorsInSlack = {} }: Pick<People, 'authorsInSlack'>): string {
  return authorsInSlack[email.toLowerCase()]?.name ?? name
}

const USER_ID = /^[UW][A-Z0-9]{1,20}$/

/** One entry for mrkdwn. `mention`: as a mention where its Slack id is known, else as plain words. */
export function entry(text: string, people: People, mention: boolean): string {
  if (mention) {
    const group = people.groupIds?.[text]
    if (group !== undefined && /^S[A-Z0-9]+$/.test(group)) return `<!subteam^${group}>`
    if (USER_ID.test(text)) return `<@${text}>`
  }
  return defused(people.names?.[text] ?? text, 60)
}

/** `@a or Tom`, for lines that mention nobody: people whose names Slack did not give are counted. */
export function namedOf(by: readonly string[] | 'every full member', people: People): string {
  if (by === 'every full member') return 'any full member'
  const named = by.filter((one) => people.names?.[one] !== undefined || !USER_ID.test(one)).slice(0, 10)
  const left = by.length - named.length
  const all = [
    ...named.map((one) => entry(one, people, false)),
    ...(left > 0
      ? [named.length > 0 ? `${left} more` : `${left} ${left === 1 ? 'person' : 'people'} named in releases.yml`]
      : []),
  ]
  return all.length > 1 ? `${all.slice(0, -1).join(', ')} or ${all.at(-1)}` : (all[0] ?? 'nobody')
}

/** `@a, @b or Tom`; everybody is `any full member`. `mention`: all, none, or these entries. For mrkdwn. */
export function anyOf(
  by: readonly string[] | 'every full member',
  people: People,
  mention: boolean | readonly string[],
): string {
  if (by === 'every full member') return 'any full member'
  const entries = by
    .slice(0, 10)
    .map((one) => entry(one, people, mention === true || (mention !== false && mention.includes(one))))
  const left = by.length - entries.length
  if (left > 0) return `${entries.join(', ')} or ${left} more`
  return entries.length > 1 ? `${entries.slice(0, -1).join(', ')} or ${entries.at(-1)}` : (entries[0] ?? 'nobody')
}

/** ` Also: Tom`: those of a group's people who are mentioned where the group is not. Empty where there are none. For mrkdwn. */
export function othersMentioned(mentioned: readonly string[], entries: readonly string[], people: People): string {
  const others = mentioned.filter((one) => !entries.includes(one))
  return others.length === 0 ? '' : ` Also: ${others.map((one) => entry(one, people, true)).join(', ')}.`
}

/** The same as rich text, for private answers; Slack shows user ids without a known name itself. */
export function allowedPeople(who: readonly string[], people: People): Line {
  const line: (string | RichTextElement)[] = []
  const shown = who.slice(0, 10)
  for (const [index, one] of shown.entries()) {
    if (index > 0) line.push(index === shown.length - 1 && shown.length === who.length ? ' or ' : ', ')
    const name = people.names?.[one]
    if (name === undefined && USER_ID.test(one)) line.push({ type: 'user', user_id: one })
    else line.push(words(one === 'every full member' ? 'any other full member' : cut(oneLine(name ?? one), 60)))
  }
  if (who.length > shown.length) line.push(` or ${who.length - shown.length} more`)
  return line.length === 0 ? ['nobody (see ', 'releases.yml)'] : line
}

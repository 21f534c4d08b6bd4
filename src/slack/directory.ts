import type { WebClient } from '@slack/web-api'
import { defined } from '../lib/defined.ts'
import type { Directory, GroupLookup, PersonLookup } from '../release/ports/directory.ts'
import type { PersonName } from '../release/terms.ts'
import { isTimeZone } from '../release/typed-times.ts'
import { type ChannelFound, type ChannelIds, type ChannelLog, createChannelNames } from './channels.ts'
import { ask } from './clients.ts'
import { remembered, rememberedByKey } from './remembered.ts'
import type { TokenWatch } from './token-watch.ts'

const GROUPS_KEPT_MS = 30_000
const AUTHORS_KEPT_MS = 10 * 60_000
/** For names that are drawn. Where Slack gives none, the last known name is drawn. */
const PEOPLE_KEPT_MS = 10 * 60_000
const UNKNOWN_PEOPLE_KEPT_MS = 30_000
const MOST_PEOPLE = 1_000

/** What the cards need of people beyond the port: groups to mention, authors to match. */
export interface SlackDirectory extends Directory {
  /** Handle with `@` → the group's id, for those of `handles` that exist. */
  groupIds(handles: readonly string[]): Promise<Readonly<Record<string, string>>>
  /** How many of these e-mail addresses have no match in Slack; undefined when Slack does not answer. */
  unmatched(emails: readonly string[]): Promise<number | undefined>
  /** The ids of the people with these e-mail addresses; those whom Slack does not know, or does not tell, are left out. */
  idsByEmail(emails: readonly string[]): Promise<readonly string[]>
  /** The full members with these e-mail addresses, by address in lower case; others are left out, as in `idsByEmail`. */
  authors(emails: readonly string[]): Promise<Readonly<Record<string, PersonName>>>
}

/**
 * Whether the person belongs to our workspace. In an Enterprise Grid `team_id` may be missing or that of a sister workspace;
 * `enterprise_user.teams` then lists all of theirs (docs.slack.dev/reference/objects/user-object).
 */
function isOf(user: { team_id?: string; enterprise_user?: { teams?: string[] } }, team: string): boolean {
  return user.team_id === team || (user.enterprise_user?.teams ?? []).includes(team)
}

export interface DirectoryOptions {
  readonly forRights?: boolean
  /** Keeps the ids of channels. */
  readonly ids?: ChannelIds
  readonly log?: ChannelLog
  readonly token?: Pick<TokenWatch, 'refusal'>
}

/**
 * People, groups and channels as Slack has them now. `team`: our workspace, whose members alone count. `forRights` looks
 * people and members up each time, and uses members that are at most 30 s old only where Slack does not answer. For drawing,
 * names are kept for minutes and groups for 30 s: Slack allows 100 calls a minute about people and 20 about groups.
 */
export function createDirectory(
  client: WebClient,
  team: string,
  { forRights = false, ids, log, token }: DirectoryOptions = {},
): SlackDirectory {
  const membersKeptMs = forRights ? 0 : GROUPS_KEPT_MS
  const groups = remembered(
    GROUPS_KEPT_MS,
    async () => {
      const answer = await ask(() => client.usergroups.list({ include_disabled: true, include_users: false }))
      if (!answer.ok) return undefined
      const ids = new Map<string, string>()
      const disabled = new Set<string>()
      for (const { id, handle, date_delete: deletedAt } of answer.value.usergroups ?? []) {
        if (!id || !handle) continue
        // A disabled group keeps its members, and gives nobody a right.
        if (deletedAt) disabled.add(`@${handle}`)
        else ids.set(`@${handle}`, id)
      }
      return { ids, disabled }
    },
    GROUPS_KEPT_MS,
  )
  const members = new Map<string, () => Promise<readonly string[] | undefined>>()

  const channelNamed = createChannelNames(client, { ids, log })
  const authors = new Map<string, { id: string | null; until: number }>()

  /** The id of the person with this address; null: Slack knows none; undefined: Slack did not answer. */
  async function idOf(email: string): Promise<string | null | undefined> {
    const before = authors.get(email)
    if (before && before.until > performance.now()) return before.id
    const answer = await ask(() => client.users.lookupByEmail({ email }))
    if (!answer.ok && !(answer.failure === 'refused' && answer.error === 'users_not_found')) return undefined
    const id = answer.ok ? (answer.value.user?.id ?? null) : null
    authors.set(email, { id, until: performance.now() + AUTHORS_KEPT_MS })
    return id
  }

  const someOf = (emails: readonly string[]) => new Set(emails.slice(0, 20).map((each) => each.toLowerCase()))

  async function lookUp(id: string): Promise<PersonLookup> {
    const answer = await ask(() => client.users.info({ user: id }))
    if (!answer.ok) {
      const gone = answer.failure === 'refused' && ['user_not_found', 'user_not_visible'].includes(answer.error)
      return gone ? { is: 'not a member', why: 'other workspace' } : { is: 'unknown' }
    }
    const { user } = answer.value
    if (user?.id !== id) return { is: 'unknown' }
    const stranger = 'is_stranger' in user && user.is_stranger === true
    if (user.deleted) return { is: 'not a member', why: 'deactivated' }
    if (user.is_bot || id === 'USLACKBOT') return { is: 'not a member', why: 'bot' }
    if (stranger) return { is: 'not a member', why: 'external' }
    if (!isOf(user, team)) return { is: 'not a member', why: 'other workspace' }
    if (user.is_restricted || user.is_ultra_restricted) return { is: 'not a member', why: 'guest' }
    const name = user.profile?.display_name || user.profile?.real_name || user.real_name || user.name || id
    const email = user.profile?.email?.toLowerCase()
    const timeZone = user.tz !== undefined && isTimeZone(user.tz) ? user.tz : undefined
    return { is: 'member', id, name, ...defined({ email, timeZone }) }
  }

  async function lookUpGroup(handle: string): Promise<GroupLookup | undefined> {
    const known = await groups()
    if (known === undefined) return undefined
    const id = known.ids.get(handle)
    if (id === undefined) return { is: known.disabled.has(handle) ? 'disabled' : 'missing' }
    const fetch =
      members.get(id) ??
      remembered(
        membersKeptMs,
        async () => {
          const answer = await ask(() => client.usergroups.users.list({ usergroup: id }))
          return answer.ok ? (answer.value.users ?? []) : undefined
        },
        GROUPS_KEPT_MS,
      )
    members.set(id, fetch)
    const found = await fetch()
    return found && { is: 'there', members: found }
  }

  const lookUpForDrawing = rememberedByKey({
    fetch: lookUp,
    isDefinite: (found) => found.is !== 'unknown',
    keptMs: PEOPLE_KEPT_MS,
    unknownKeptMs: UNKNOWN_PEOPLE_KEPT_MS,
    most: MOST_PEOPLE,
  })

  return {
    person: forRights ? lookUp : lookUpForDrawing,

    refusedBy: () => token?.refusal()?.error,

    async groupMembers(handle) {
      const found = await lookUpGroup(handle)
      return found?.is === 'there' ? found.members : found && []
    },

    lookUpGroup,

    async channel(nameOrId) {
      const named: ChannelFound = nameOrId.startsWith('#') ? await channelNamed(nameOrId) : { id: nameOrId }
      if (!('id' in named)) return named
      const { id } = named
      const answer = await ask(() => client.conversations.info({ channel: id }))
      if (!answer.ok) {
        const gone = answer.failure === 'refused' && answer.error === 'channel_not_found'
        return { unreachable: gone ? 'gone' : 'Slack did not answer' }
      }
      const { channel } = answer.value
      if (channel?.is_archived) return { unreachable: 'archived' }
      return channel?.is_member ? { id } : { unreachable: 'not a member' }
    },

    async permalink({ channel, ts }) {
      const answer = await ask(() => client.chat.getPermalink({ channel, message_ts: ts }))
      return answer.ok ? answer.value.permalink : undefined
    },

    async groupIds(handles) {
      if (handles.length === 0) return {}
      const known = await groups()
      return Object.fromEntries(
        handles.flatMap((handle) => {
          const id = known?.ids.get(handle)
          return id === undefined ? [] : [[handle, id] as const]
        }),
      )
    },

    async unmatched(emails) {
      let missing = 0
      for (const email of someOf(emails)) {
        const id = await idOf(email)
        if (id === undefined) return undefined
        if (id === null) missing++
      }
      return missing
    },

    async authors(emails) {
      const found = await Promise.all(
        [...someOf(emails)].map(async (email) => {
          const id = await idOf(email)
          const person = id ? await lookUpForDrawing(id) : undefined
          return person?.is === 'member' ? [[email, { id: person.id, name: person.name }] as const] : []
        }),
      )
      return Object.fromEntries(found.flat())
    },

    async idsByEmail(emails) {
      const ids: string[] = []
      for (const email of someOf(emails)) {
        const id = await idOf(email)
        if (id) ids.push(id)
      }
      return [...new Set(ids)]
    },
  }
}

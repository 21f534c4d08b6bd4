import type { WebClient } from '@slack/web-api'
import { defined } from '../lib/defined.ts'
import type { Directory, PersonLookup } from '../release/ports/directory.ts'
import { ask } from './clients.ts'

const GROUPS_KEPT_MS = 30_000
const CHANNELS_KEPT_MS = 5 * 60_000
const AUTHORS_KEPT_MS = 10 * 60_000

/** What the cards need of people beyond the port: groups to mention, authors to match. */
export interface SlackDirectory extends Directory {
  /** Handle with `@` → the group's id, for those of `handles` that exist. */
  groupIds(handles: readonly string[]): Promise<Readonly<Record<string, string>>>
  /** How many of these e-mail addresses have no match in Slack; undefined when Slack does not answer. */
  unmatched(emails: readonly string[]): Promise<number | undefined>
}

/** A value that is fetched again when it is older than `keptMs`. If that fails, it may be up to `staleMs` old. */
function cached<T>(
  keptMs: number,
  fetch: () => Promise<T | undefined>,
  staleMs = 0,
): (options?: { refresh?: boolean }) => Promise<T | undefined> {
  let last: { value: T; at: number } | undefined
  // A monotonic clock: one that is set back must not prolong permissions.
  const isYounger = (ms: number) => last !== undefined && last.at + ms > performance.now()
  return async ({ refresh = false } = {}) => {
    if (!refresh && isYounger(keptMs)) return last?.value
    const value = await fetch()
    if (value !== undefined) last = { value, at: performance.now() }
    else if (!isYounger(Math.max(keptMs, staleMs))) last = undefined
    return last?.value
  }
}

/**
 * People, groups and channels as Slack has them now. `team`: our workspace, whose members alone count. People are never
 * cached. Slack allows 20 calls a minute about groups, so groups are cached for 30 s for drawing. `forRights` fetches the
 * members each time, and uses what is at most 30 s old only where Slack does not answer.
 */
export function createDirectory(
  client: WebClient,
  team: string,
  { forRights = false }: { forRights?: boolean } = {},
): SlackDirectory {
  const membersKeptMs = forRights ? 0 : GROUPS_KEPT_MS
  const groups = cached(
    GROUPS_KEPT_MS,
    async () => {
      const answer = await ask(() => client.usergroups.list({ include_disabled: false, include_users: false }))
      if (!answer.ok) return undefined
      const ids = new Map<string, string>()
      for (const { id, handle } of answer.value.usergroups ?? []) if (id && handle) ids.set(`@${handle}`, id)
      return ids
    },
    GROUPS_KEPT_MS,
  )
  const members = new Map<string, () => Promise<readonly string[] | undefined>>()

  const channels = cached(CHANNELS_KEPT_MS, async () => {
    const ids = new Map<string, string>()
    for (let cursor: string | undefined; ; ) {
      const page = await ask(() =>
        client.conversations.list({
          types: 'public_channel,private_channel',
          exclude_archived: false,
          limit: 200,
          ...defined({ cursor }),
        }),
      )
      if (!page.ok) return undefined
      for (const { id, name } of page.value.channels ?? []) if (id && name) ids.set(name, id)
      cursor = page.value.response_metadata?.next_cursor || undefined
      if (cursor === undefined) return ids
    }
  })
  const authors = new Map<string, { known: boolean; until: number }>()

  async function isKnown(email: string): Promise<boolean | undefined> {
    const before = authors.get(email)
    if (before && before.until > performance.now()) return before.known
    const answer = await ask(() => client.users.lookupByEmail({ email }))
    if (!answer.ok && !(answer.failure === 'refused' && answer.error === 'users_not_found')) return undefined
    authors.set(email, { known: answer.ok, until: performance.now() + AUTHORS_KEPT_MS })
    return answer.ok
  }

  return {
    async person(id): Promise<PersonLookup> {
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
      if (user.team_id !== team) return { is: 'not a member', why: 'other workspace' }
      if (user.is_restricted || user.is_ultra_restricted) return { is: 'not a member', why: 'guest' }
      const name = user.profile?.display_name || user.profile?.real_name || user.real_name || user.name || id
      const email = user.profile?.email?.toLowerCase()
      return { is: 'member', id, name, ...defined({ email }) }
    },

    async groupMembers(handle) {
      const known = await groups()
      if (known === undefined) return undefined
      const id = known.get(handle)
      if (id === undefined) return []
      const fetch =
        members.get(id) ??
        cached(
          membersKeptMs,
          async () => {
            const answer = await ask(() => client.usergroups.users.list({ usergroup: id }))
            return answer.ok ? (answer.value.users ?? []) : undefined
          },
          GROUPS_KEPT_MS,
        )
      members.set(id, fetch)
      return fetch()
    },

    async channel(nameOrId) {
      const named = async () =>
        (await channels())?.get(nameOrId.slice(1)) ?? (await channels({ refresh: true }))?.get(nameOrId.slice(1))
      const id = nameOrId.startsWith('#') ? await named() : nameOrId
      if (id === undefined) {
        return { unreachable: (await channels()) === undefined ? 'Slack did not answer' : 'gone' }
      }
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
          const id = known?.get(handle)
          return id === undefined ? [] : [[handle, id] as const]
        }),
      )
    },

    async unmatched(emails) {
      let missing = 0
      for (const email of new Set(emails.slice(0, 20).map((each) => each.toLowerCase()))) {
        const known = await isKnown(email)
        if (known === undefined) return undefined
        if (!known) missing++
      }
      return missing
    },
  }
}

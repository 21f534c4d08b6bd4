import type { PostedMessage } from '../terms.ts'

export type PersonLookup =
  | {
      readonly is: 'member'
      readonly id: string
      readonly name: string
      /** Lower case; absent if Slack doesn't give it. */
      readonly email?: string
      /** The name of their time zone; absent if Slack doesn't give one that can be computed with. */
      readonly timeZone?: string
    }
  | { readonly is: 'not a member'; readonly why: 'guest' | 'external' | 'bot' | 'deactivated' | 'other workspace' }
  | { readonly is: 'unknown' }

export type GroupLookup =
  | { readonly is: 'there'; readonly members: readonly string[] }
  | { readonly is: 'missing' | 'disabled' }

/** Looks up people and channels in Slack. Only the bot uses it. */
export interface Directory {
  person(id: string): Promise<PersonLookup>
  /** The members of a user group, by its handle with `@`: empty if there is no such group, undefined if Slack fails. */
  groupMembers(handle: string): Promise<readonly string[] | undefined>
  /** The same with why there are none; undefined if Slack fails. A renamed group is missing under its old handle. */
  lookUpGroup(handle: string): Promise<GroupLookup | undefined>
  /** The id of the environment's channel, or why Signoff can't post there. */
  channel(
    nameOrId: string,
  ): Promise<{ id: string } | { unreachable: 'not a member' | 'archived' | 'gone' | 'Slack did not answer' }>
  /** Slack's code while it refuses our token; undefined while it accepts it. */
  refusedBy?(): string | undefined
  permalink(message: PostedMessage): Promise<string | undefined>
}

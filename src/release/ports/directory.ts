import type { PostedMessage } from '../terms.ts'
export type PersonLookup =
  | {
      readonly is: 'member'
      readonly id: string
      readonly name: string
      /** Lower case; absent when Slack does not tell. */
      readonly email?: string
    }
  | { readonly is: 'not a member'; readonly why: 'guest' | 'external' | 'bot' | 'deactivated' | 'other workspace' }
  | { readonly is: 'unknown' }

/** What Slack says of people and channels. The bot's to ask; the worker never does. */
export interface Directory {
  person(id: string): Promise<PersonLookup>
  /** The members of a user group by its handle with `@`, none where there is no such group; undefined: Slack can't be asked. */
  groupMembers(handle: string): Promise<readonly string[] | undefined>
  /** Whether we can post in the environment's channel; its id. */
  channel(
    nameOrId: string,
  ): Promise<{ id: string } | { unreachable: 'not a member' | 'archived' | 'gone' | 'Slack did not answer' }>
  permalink(message: PostedMessage): Promise<string | undefined>
}

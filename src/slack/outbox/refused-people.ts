/** People to whom Slack delivers no direct messages: an end, and no failure. */
import type { DeliveryPorts } from './sending.ts'

/**
 * The person has left, is of another workspace, blocks the app, or may not be written to by it (errors of conversations.open
 * and chat.postMessage, docs.slack.dev). In a conversation with one person the codes of channels are about them.
 */
const OF_PERSON: readonly string[] = [
  'user_disabled',
  'user_not_found',
  'user_not_visible',
  'cannot_dm_bot',
  'invalid_user_combination',
  'channel_not_found',
  'is_archived',
  'is_inactive',
  'not_in_channel',
  'restricted_action',
  'restricted_action_read_only_channel',
]

/** The Messages tab of the app is closed: nobody gets any. */
const OF_APP = 'messages_tab_disabled'

/** Whether another try would meet the same, for as long as the person does not change something. */
export function isAboutPerson(error: string): boolean {
  return error === OF_APP || OF_PERSON.includes(error)
}

/** Notes it in the store, so that the channel mentions the person instead. The log has it once, until it changes. */
export async function noteRefusal(
  { store, log }: Pick<DeliveryPorts, 'store' | 'log'>,
  person: string,
  error: string,
): Promise<void> {
  const isNews = await store.transaction((tx) => tx.noteDirectMessageRefusal(error === OF_APP ? 'all' : person, error))
  if (!isNews) return
  if (error !== OF_APP) log.info({ person, error }, 'Slack delivers no direct messages to a person')
  else log.warn({ error }, 'nobody gets direct messages: open the Messages tab of the app, as manifest.yml has it')
}

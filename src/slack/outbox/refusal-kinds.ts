/** What Slack's refusals of a message are about, which decides what helps. */

/**
 * - `token`: Slack refuses every call until someone fixes the token or its scopes.
 * - `channel`: nothing can be posted or edited there until someone opens the channel to Signoff again.
 * - `passes`: the workspace can't take it now, such as during a migration. Waiting helps.
 * - `gone`: the message, or the thread's first message, is not there any more.
 * - `message`: Slack refuses this message or this edit, and will again.
 */
export type RefusalKind = 'token' | 'channel' | 'passes' | 'gone' | 'message'

const KINDS: Readonly<Record<Exclude<RefusalKind, 'message'>, readonly string[]>> = {
  token: ['invalid_auth', 'not_authed', 'account_inactive', 'token_revoked', 'token_expired', 'missing_scope'],
  channel: [
    'not_in_channel',
    'channel_not_found',
    'is_archived',
    'is_inactive',
    'channel_is_limited_access',
    'restricted_action',
    'restricted_action_read_only_channel',
    'restricted_action_thread_only_channel',
    'restricted_action_non_threadable_channel',
    'restricted_action_thread_locked',
  ],
  passes: [
    'accesslimited',
    'ekm_access_denied',
    'external_channel_migrating',
    'message_limit_exceeded',
    'org_login_required',
    'streaming_state_conflict',
    'team_access_not_granted',
    'two_factor_setup_required',
    'update_failed',
  ],
  gone: ['message_not_found', 'thread_not_found'],
}

/** An error that is not known is about the message. */
export function kindOfRefusal(error: string): RefusalKind {
  for (const kind of ['token', 'channel', 'passes', 'gone'] as const) if (KINDS[kind].includes(error)) return kind
  return 'message'
}

/**
 * Slack's names for commands, modals and the address of its requests. `manifest.yml` and every listener agree with these.
 * Those of buttons are in `actions.ts`.
 */

export const COMMANDS = { deploy: '/deploy', hotfix: '/hotfix' } as const

/**
 * The `action_id` of the button **Start**, the private question before a sign-off that starts a release. Its token is that
 * of the sign-off's button.
 */
export const START = 'start'

/** The `action_id` of the button **Preview** in `/deploy`'s modal. */
export const PREVIEW = 'deploy_preview'

/**
 * App Home: the `callback_id` of its view, and the `action_id` of each control in it. Published Homes have them, so they never
 * change.
 */
export const HOME = {
  view: 'home',
  deploy: 'home_deploy',
  card: 'home_card',
  menu: 'home_menu',
  pick: 'home_pick',
  messages: 'home_messages',
} as const

/** The `callback_id` of each modal. Open modals have them, so they never change. */
export const VIEW = {
  deploy: 'deploy_modal',
  hotfix: 'hotfix_modal',
  reject: 'reject_modal',
  emergency: 'emergency_modal',
  close: 'close_modal',
  details: 'details_modal',
  talkedOver: 'talked_over_modal',
  lock: 'lock_modal',
  takeOver: 'take_over_modal',
  changeTime: 'change_time_modal',
  markBad: 'mark_bad_modal',
  rollback: 'rollback_modal',
  qa: 'qa_modal',
  notPossible: 'not_possible_modal',
  place: 'place_modal',
} as const
export type ViewId = (typeof VIEW)[keyof typeof VIEW]

/** Where Slack's requests arrive in HTTP mode: commands, buttons and modals. */
export const SLACK_REQUEST_PATH = '/slack/events'

/** Slack's names for what people use: commands, buttons and modals. `manifest.yml` and every listener agree with these. */

export const COMMANDS = { deploy: '/deploy', hotfix: '/hotfix' } as const

/** The `action_id` of each button of a card. A button's value is an opaque token of the store. */
export const ACTION = {
  qaPassed: 'qa_passed',
  approve: 'approve',
  reject: 'reject',
  emergency: 'emergency',
  cancel: 'cancel',
  details: 'details',
  talkedOver: 'talked_over',
  planAgain: 'plan_again',
  planForEmergency: 'plan_for_emergency',
  retry: 'retry',
  close: 'close',
  go: 'go',
} as const
export type Action = (typeof ACTION)[keyof typeof ACTION]

/** The exact labels of DESIGN.md §6.3; people and checks find buttons by them. */
export const BUTTON_LABEL: Readonly<Record<Action, string>> = {
  qa_passed: 'QA passed',
  approve: 'Approve',
  reject: 'Reject',
  emergency: 'Must go out now…',
  cancel: 'Cancel',
  details: 'Details',
  talked_over: 'Talked over',
  plan_again: 'Plan again',
  plan_for_emergency: 'Plan for an emergency',
  retry: 'Retry',
  close: 'Close',
  go: 'Go',
}

/** The `callback_id` of each modal. */
export const VIEW = {
  deploy: 'deploy_modal',
  hotfix: 'hotfix_modal',
  reject: 'reject_modal',
  emergency: 'emergency_modal',
  close: 'close_modal',
  details: 'details_modal',
  talkedOver: 'talked_over_modal',
} as const
export type ViewId = (typeof VIEW)[keyof typeof VIEW]

/** Where Slack's requests arrive in HTTP mode: commands, buttons and modals alike. */
export const SLACK_REQUEST_PATH = '/slack/events'

/** What of Slack's deliveries Signoff knows: the commands, buttons and modals that it has made, and App Home. */
import { ACTION_VIEWS } from './actions.ts'
import { CONTROLS } from './controls.ts'
import { COMMANDS, PREVIEW, START, VIEW } from './ids.ts'
import { withoutView } from './payloads.ts'

const COMMANDS_KNOWN: ReadonlySet<unknown> = new Set(Object.values(COMMANDS))
const BUTTONS_KNOWN: ReadonlySet<unknown> = new Set([
  ...[...Object.values(ACTION_VIEWS), ...Object.values(CONTROLS)].map(({ id }) => id),
  START,
  PREVIEW,
])
const MODALS_KNOWN: ReadonlySet<unknown> = new Set(Object.values(VIEW))

interface Payload {
  readonly type?: unknown
  readonly command?: unknown
  readonly actions?: readonly { readonly action_id?: unknown; readonly value?: unknown }[]
  readonly view?: { readonly callback_id?: unknown }
  readonly event?: { readonly type?: unknown; readonly tab?: unknown }
}

/** What is to be stored of a payload; undefined: it is only acknowledged, as the opening of the Messages tab. */
export function toBeStored(payload: unknown): unknown {
  const { type, command, actions, view, event } = (payload ?? {}) as Payload
  switch (type) {
    case 'block_actions': {
      const { action_id: action, value } = actions?.[0] ?? {}
      const isKnown = BUTTONS_KNOWN.has(action) || (typeof action === 'string' && action.startsWith('home_'))
      // With a token it is a button of another version, and who pressed it is told so. A link has none.
      return isKnown || (typeof value === 'string' && value !== '') ? payload : undefined
    }
    case 'view_submission':
      return MODALS_KNOWN.has(view?.callback_id) ? payload : undefined
    case 'event_callback':
      return event?.type === 'app_home_opened' && event.tab === 'home' ? withoutView(payload) : undefined
    default:
      return COMMANDS_KNOWN.has(command) ? payload : undefined
  }
}

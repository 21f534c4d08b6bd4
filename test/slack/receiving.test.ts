import { describe, expect, it } from 'vitest'
import { ACTION_VIEWS } from '../../src/slack/actions.ts'
import { CONTROLS } from '../../src/slack/controls.ts'
import { HOME, PREVIEW, START, VIEW } from '../../src/slack/ids.ts'
import { toBeStored } from '../../src/slack/receiving.ts'

const pressed = (action_id: unknown) => ({ type: 'block_actions', actions: [{ action_id }] })
const submitted = (callback_id: unknown) => ({ type: 'view_submission', view: { callback_id } })
const opened = (tab: string) => ({ type: 'event_callback', event_id: 'E1', event: { type: 'app_home_opened', tab } })

describe('what Slack delivers', () => {
  it('is stored where Signoff has made it', () => {
    const buttons = [...Object.values(ACTION_VIEWS), ...Object.values(CONTROLS)].map(({ id }) => id)
    const known = [
      { command: '/deploy' },
      { command: '/hotfix' },
      ...[...buttons, START, PREVIEW, HOME.deploy, HOME.menu].map(pressed),
      ...Object.values(VIEW).map(submitted),
    ]
    for (const payload of known) expect(toBeStored(payload)).toBe(payload)
  })

  it('is stored where it is a button of another version, so that its person reads that it is stale', () => {
    const other = { type: 'block_actions', actions: [{ action_id: 'of another version', value: 'a token' }] }
    expect(toBeStored(other)).toBe(other)
  })

  it('is stored of an opened Home without its view', () => {
    const whole = {
      ...opened('home'),
      event: { ...opened('home').event, user: 'U1', view: { hash: 'h', blocks: [1] } },
    }
    expect(toBeStored(whole)).toMatchObject({ event_id: 'E1', event: { user: 'U1', tab: 'home', view: { hash: 'h' } } })
    expect(JSON.stringify(toBeStored(whole))).not.toContain('blocks')
  })

  it.each<[string, unknown]>([
    ['another command', { command: '/other' }],
    ['a button of another', pressed('other')],
    ['a button without a name', pressed(undefined)],
    ['no button', { type: 'block_actions', actions: [] }],
    ['a modal of another', submitted('other')],
    ['a modal that was closed', { type: 'view_closed', view: { callback_id: VIEW.deploy } }],
    ['the Messages tab', opened('messages')],
    ['another event', { type: 'event_callback', event: { type: 'message', tab: 'home' } }],
    ['nothing', undefined],
    ['no object', 'text'],
  ])('is only acknowledged: %s', (_which, payload) => {
    expect(toBeStored(payload)).toBeUndefined()
  })
})

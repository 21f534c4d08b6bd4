import { expect, it } from 'vitest'
import { readArrival } from '../../src/slack/payloads.ts'

const OURS = { team: 'T1', app: 'A1' }
const PRESS = {
  type: 'block_actions',
  team: { id: 'T1' },
  api_app_id: 'A1',
  user: { id: 'U1', team_id: 'T1' },
  container: { channel_id: 'C1', message_ts: '1.1' },
  response_url: 'https://hooks.slack.com/1',
  trigger_id: '1.2.3',
  actions: [{ action_id: 'approve', action_ts: '2.2', value: 'token' }],
}

it('reads a press of ours', () => {
  expect(readArrival(PRESS, OURS)).toMatchObject({ is: 'press', user: 'U1', token: 'token', isForeign: false })
})

it.each([
  ['O15: a button’s value', { ...PRESS, actions: [{ ...PRESS.actions[0], value: 'to\u0000ken' }] }],
  [
    'the same, at the end of a value that is right',
    { ...PRESS, actions: [{ ...PRESS.actions[0], value: 'token\u0000' }] },
  ],
  [
    'a time that is part of the delivery’s id',
    { ...PRESS, actions: [{ ...PRESS.actions[0], action_ts: '2.2\u0000' }] },
  ],
])('keeps no character that the store can’t take: %s', (_where, payload) => {
  const arrival = readArrival(payload, OURS)
  expect(JSON.stringify(arrival)).not.toContain(String.raw`\u0000`)
  expect(arrival).not.toEqual(readArrival(PRESS, OURS))
})

it('O15: keeps the rest of a reason and of a command', () => {
  const view = { id: 'V1', callback_id: 'reject', state: { values: { r: { reason: { value: 'no\u0000t now' } } } } }
  expect(readArrival({ ...SUBMISSION, view }, OURS)).toMatchObject({ values: { reason: 'no\uFFFDt now' } })
  expect(readArrival({ ...COMMAND, text: 'pro\u0000duction' }, OURS)).toMatchObject({ text: 'pro\uFFFDduction' })
})

it('knows a person of another workspace, who is then refused in words', () => {
  const press = { ...PRESS, user: { id: 'U9', team_id: 'T9' } }
  expect(readArrival(press, OURS)).toMatchObject({ is: 'press', user: 'U9', isForeign: true })
})

it.each([
  ['another workspace', { team: { id: 'T9' } }],
  ['no workspace', { team: undefined }],
  ['another app', { api_app_id: 'A9' }],
  ['no app', { api_app_id: undefined }],
  ['nobody', { user: {} }],
  ['no channel', { container: { message_ts: '1.1' } }],
  ['no message', { container: { channel_id: 'C1' } }],
  ['no button', { actions: [] }],
])('reads nothing from a press of %s', (_whose, change) => {
  expect(readArrival({ ...PRESS, ...change }, OURS)).toBeUndefined()
})

const COMMAND = {
  team_id: 'T1',
  api_app_id: 'A1',
  user_id: 'U1',
  command: '/deploy',
  text: 'production',
  response_url: 'https://hooks.slack.com/1',
  trigger_id: '1.2.3',
}
const SUBMISSION = {
  type: 'view_submission',
  team: { id: 'T1' },
  api_app_id: 'A1',
  user: { id: 'U1', team_id: 'T1' },
  view: { id: 'V1', callback_id: 'reject', state: { values: {} } },
}

it.each([
  ['command', COMMAND, { trigger_id: '9.9.9' }],
  ['press', { ...PRESS }, { actions: [{ ...PRESS.actions[0], action_ts: '9.9' }] }],
  ['press by one person', { ...PRESS }, { user: { id: 'U2', team_id: 'T1' } }],
  ['press on one message', { ...PRESS }, { container: { channel_id: 'C1', message_ts: '1.2' } }],
  ['submission', SUBMISSION, { view: { ...SUBMISSION.view, id: 'V2' } }],
])('knows a %s that is delivered again by what it says, and another one from it', (_what, payload, another) => {
  const id = readArrival(payload, OURS)?.id
  expect(id).toBeDefined()
  expect(readArrival(structuredClone(payload), OURS)?.id).toBe(id)
  expect(readArrival({ ...payload, ...another }, OURS)?.id).not.toBe(id)
})

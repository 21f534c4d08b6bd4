/** What is logged and told while Slack refuses our token. */
import { describe, expect, it } from 'vitest'
import { createTokenWatch } from '../../src/slack/token-watch.ts'

function watched() {
  const logged: string[] = []
  let now = 0
  const log = {
    error: (fields: object) => void logged.push(Object.values(fields).join(' ')),
    info: (_fields: object, message: string) => void logged.push(message),
  }
  const pass = (ms: number) => {
    now += ms
  }
  return { logged, watch: createTokenWatch({ log, now: () => now }), pass }
}

describe('S7: the token', () => {
  it.each(['token_revoked', 'account_inactive', 'invalid_auth', 'not_authed', 'token_expired'])(
    'S7: %s is logged once a minute, whichever methods meet it, until a call is accepted',
    (error) => {
      const { logged, watch, pass } = watched()
      for (let nth = 0; nth < 50; nth++) {
        watch.heard('users.info', 'refused', error)
        watch.heard('chat.postMessage', 'refused', error)
        pass(1_000)
      }
      expect(logged).toEqual([`users.info ${error}`])
      pass(20_000)
      watch.heard('chat.update', 'refused', error)
      expect(logged).toHaveLength(2)
      expect(watch.refusal()).toEqual({ method: 'chat.update', error })
      watch.heard('auth.test', 'ok')
      expect(watch.refusal()).toBeUndefined()
      expect(logged.at(-1)).toBe('Slack accepts our token again')
    },
  )

  it('is good without a scope that only an app of the newest manifest has', () => {
    const { logged, watch } = watched()
    watch.heard('conversations.history', 'refused', 'missing_scope', 'im:history')
    expect(logged).toEqual([])
    expect(watch.refusal()).toBeUndefined()
    watch.heard('conversations.history', 'refused', 'missing_scope', 'channels:history')
    expect(watch.refusal()).toMatchObject({ needed: 'channels:history' })
  })

  it.each(['missing_scope', 'plan_upgrade_required'])('S7: %s is a matter of its method', (error) => {
    const { logged, watch, pass } = watched()
    watch.heard('usergroups.list', 'refused', error)
    watch.heard('auth.test', 'ok')
    expect(watch.refusal()).toEqual({ method: 'usergroups.list', error })
    watch.heard('usergroups.list', 'ok')
    expect(watch.refusal()).toBeUndefined()
    watch.heard('usergroups.list', 'refused', error)
    pass(6 * 60_000)
    expect(watch.refusal()).toBeUndefined()
    expect(logged).toEqual([`usergroups.list ${error}`])
  })

  it.each([
    ['rate limited', undefined],
    ['unknown', undefined],
    ['refused', 'channel_not_found'],
    ['refused', 'user_not_found'],
  ])('S7: an answer that says nothing about the token (%s, %s) changes nothing', (outcome, error) => {
    const { logged, watch } = watched()
    watch.heard('users.info', outcome, error)
    expect(watch.refusal()).toBeUndefined()
    expect(logged).toEqual([])
  })

  it('S7: a scope that messages go without is logged, and the process stays ready', () => {
    const { logged, watch } = watched()
    watch.heard('users.lookupByEmail', 'refused', 'missing_scope')
    expect(watch.refusal()).toBeUndefined()
    expect(logged).toEqual(['users.lookupByEmail missing_scope'])
  })
})

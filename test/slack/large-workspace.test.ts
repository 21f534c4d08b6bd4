/** People and channels of a large company, by our directory and a Slack on a socket. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { createSlackClients } from '../../src/slack/clients.ts'
import { createDirectory, type DirectoryOptions } from '../../src/slack/directory.ts'
import { readArrival } from '../../src/slack/payloads.ts'

let slack: SlackWorkspace
beforeEach(async () => {
  slack = await startSlackWorkspace({ enforceRateLimits: true })
})
afterEach(() => slack.close())

const directory = (options: DirectoryOptions = {}) =>
  createDirectory(
    createSlackClients({ token: slack.botToken, apiUrl: slack.apiUrl }).interactive,
    slack.teamId,
    options,
  )

/** What the store keeps of channels. */
function channelIds() {
  const kept = new Map<string, string>()
  return {
    kept,
    noteChannel: async (name: string, id: string) => void kept.set(name, id),
    notedChannel: async (name: string) => kept.get(name),
  }
}

describe('S5: an Enterprise Grid', () => {
  const OURS = 'T0SANDBOX'
  it.each([
    ['whose home is a sister workspace', { teamId: 'T0SISTER', teams: ['T0SISTER', OURS] }, { is: 'member' }],
    ['without a home workspace', { teamId: '', teams: [OURS] }, { is: 'member' }],
    ['of our workspace, in several', { teamId: OURS, teams: [OURS, 'T0SISTER'] }, { is: 'member' }],
    ['of sister workspaces only', { teamId: 'T0SISTER', teams: ['T0SISTER'] }, { why: 'other workspace' }],
    ['without any workspace', { teamId: '', teams: [] }, { why: 'other workspace' }],
    ['who is a guest', { teamId: 'T0SISTER', teams: [OURS], guest: 'multi' as const }, { why: 'guest' }],
    ['from another organization', { teamId: 'T0PARTNER', external: true }, { why: 'external' }],
    ['who is a bot', { teamId: '', teams: [OURS], bot: true }, { why: 'bot' }],
    ['who left', { teamId: 'T0SISTER', teams: [OURS], deleted: true }, { why: 'deactivated' }],
  ])('S5: a person %s', async (_who, made, expected) => {
    const { id } = slack.addUser({ name: 'ann', ...made })
    expect(await directory({ forRights: true }).person(id)).toMatchObject(expected)
  })

  const ours = { team: OURS, app: 'A0SIGNOFF', enterprise: 'E0ORG' }
  const command = {
    api_app_id: 'A0SIGNOFF',
    command: '/deploy',
    text: 'production',
    user_id: 'U1',
    response_url: 'https://hooks.slack.example/1',
    trigger_id: '1.2',
  }
  it.each([
    ['our workspace', { team_id: OURS }, true],
    ['a sister workspace of our organization', { team_id: 'T0SISTER', enterprise_id: 'E0ORG' }, true],
    [
      'no workspace, of an app installed for the organization',
      { enterprise_id: 'E0ORG', is_enterprise_install: 'true' },
      true,
    ],
    ['a workspace of another organization', { team_id: 'T9', enterprise_id: 'E9' }, false],
    ['a workspace without organization', { team_id: 'T9' }, false],
  ])('S5: a command from %s', (_where, place, isOurs) => {
    expect(readArrival({ ...command, ...place }, ours) !== undefined).toBe(isOurs)
    expect(readArrival({ ...command, ...place, api_app_id: 'A9' }, ours)).toBeUndefined()
  })

  const press = {
    type: 'block_actions',
    api_app_id: 'A0SIGNOFF',
    container: { channel_id: 'C1', message_ts: '1.1' },
    response_url: 'https://hooks.slack.example/1',
    trigger_id: '1.2',
    actions: [{ action_id: 'approve', action_ts: '1', value: 'x' }],
  }
  it.each([
    [
      'a sister’s person in our workspace',
      { team: { id: OURS }, enterprise: { id: 'E0ORG' }, user: { id: 'U1', team_id: 'T0SISTER' } },
      false,
    ],
    [
      'an install for the organization',
      { team: null, enterprise: { id: 'E0ORG' }, is_enterprise_install: true, user: { id: 'U1', team_id: 'T0SISTER' } },
      false,
    ],
    [
      'a partner’s person in a shared channel',
      { team: { id: OURS }, enterprise: null, user: { id: 'U1', team_id: 'T9' } },
      true,
    ],
  ])('S5: a press by %s', (_who, payload, isForeign) => {
    expect(readArrival({ ...press, ...payload }, ours)).toMatchObject({ is: 'press', isForeign })
  })

  it('S5: a press of another organization is not ours, also where ours has none', () => {
    const theirs = { ...press, team: null, enterprise: { id: 'E9' }, user: { id: 'U1' } }
    expect(readArrival(theirs, ours)).toBeUndefined()
    expect(
      readArrival({ ...press, team: null, enterprise: null, user: { id: 'U1' } }, { team: OURS, app: 'A0SIGNOFF' }),
    ).toBeUndefined()
  })
})

describe('S6: a workspace of 5,000 channels', () => {
  beforeEach(() => {
    for (let nth = 0; nth < 5_000; nth++) slack.addChannel({ name: `team-${nth}`, botIsMember: false, members: [] })
  })

  it('S6: finds the channel that the bot is in, with few calls', async () => {
    const { id } = slack.addChannel({ name: 'product' })
    const ids = channelIds()
    expect(await directory({ ids }).channel('#product')).toEqual({ id })
    expect(slack.log.filter(({ ok }) => !ok)).toEqual([])
    expect(slack.log.length).toBeLessThan(5)
    expect(ids.kept.get('#product')).toBe(id)
  })

  it('S6: finds it by the kept id while Slack limits the look-up', async () => {
    const { id } = slack.addChannel({ name: 'product' })
    const ids = channelIds()
    ids.kept.set('#product', id)
    slack.fault({ kind: 'rate_limited', method: 'users.conversations', retryAfter: 30, times: 5 })
    expect(await directory({ ids }).channel('#product')).toEqual({ id })
  })

  it('S6: finds one that was renamed by the kept id, and says so in the log', async () => {
    const { id } = slack.addChannel({ name: 'product' })
    const ids = channelIds()
    await directory({ ids }).channel('#product')
    slack.rename(id, 'releases')
    const logged: string[] = []
    const log = { warn: (_fields: object, message: string) => void logged.push(message) }
    expect(await directory({ ids, log }).channel('#product')).toEqual({ id })
    expect(logged).toEqual([expect.stringContaining('write its id in releases.yml')])
  })

  it('S6: a channel of that name that was made again is the one that is meant', async () => {
    const old = slack.addChannel({ name: 'product' })
    const ids = channelIds()
    await directory({ ids }).channel('#product')
    slack.rename(old.id, 'product-old')
    const { id } = slack.addChannel({ name: 'product' })
    expect(await directory({ ids }).channel('#product')).toEqual({ id })
    expect(ids.kept.get('#product')).toBe(id)
  })

  it('S6: says that it is not in a channel that it can’t find, once a minute in the log', async () => {
    const logged: object[] = []
    const log = { warn: (fields: object) => void logged.push(fields) }
    const { channel } = directory({ ids: channelIds(), log })
    for (let nth = 0; nth < 3; nth++) expect(await channel('#team-17')).toEqual({ unreachable: 'not a member' })
    expect(logged).toEqual([{ channel: '#team-17', why: 'not a member' }])
  })
})

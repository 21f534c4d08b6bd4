/** Slack refuses our token while a release is under way: people and operators are told, and a new token loses nothing. */
import { afterEach, expect, it } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'

let team: Team
afterEach(() => team?.close())

const ready = async () => {
  const [{ port } = { port: 0 }] = team.running
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
  return { status: answer.status, parts: ((await answer.json()) as { parts: Record<string, boolean> }).parts }
}
const errors = () =>
  team.logs
    .map((line) => JSON.parse(line) as { level: number | string; method?: string; error?: string; msg?: string })
    .filter(({ msg }) => msg?.startsWith('Slack refuses our token'))

it('S7: a token that is revoked and accepted again while a release is under way loses nothing', async () => {
  team = await startTeam()
  const { slack, people } = team
  await team.command(people.dana, '/deploy production')
  await team.until.awaitingSignOff(1)
  await team.click(people.lin, 'qa', 1)
  await team.eventually(async () => expect(await team.query('select kind from sign_off')).toHaveLength(1))
  slack.refuseToken('token_revoked')
  await team.click(people.tom, 'approval', 1)
  const words = await team.told(people.tom, 'not_a_member', 'token_revoked')
  expect(words).toContain('Slack refuses Signoff’s token')
  expect(words).toContain('SLACK_BOT_TOKEN')
  expect(await ready()).toMatchObject({ status: 503, parts: { slack: false } })
  expect(errors()).toEqual([expect.objectContaining({ error: 'token_revoked', method: expect.any(String) })])

  slack.refuseToken(undefined)
  await team.running[0]?.tick?.()
  expect(await ready()).toMatchObject({ status: 200 })
  await team.click(people.tom, 'approval', 1)
  await team.until.succeeded(1)
  expect(team.thread(1).filter((line) => line.includes('approved'))).toHaveLength(1)
})

it('S7: a token that is replaced by another one while a release is under way loses nothing', async () => {
  team = await startTeam()
  const { slack, people } = team
  await team.command(people.dana, '/deploy production')
  await team.until.awaitingSignOff(1)
  await team.click(people.lin, 'qa', 1)
  await team.eventually(async () => expect(await team.query('select kind from sign_off')).toHaveLength(1))
  const token = slack.reissueToken()
  await team.click(people.tom, 'approval', 1)
  expect(await team.told(people.tom, 'not_a_member', 'token_revoked')).toContain('SLACK_BOT_TOKEN')
  expect(await ready()).toMatchObject({ status: 503, parts: { slack: false } })

  // An operator puts the new token into its place, and starts Signoff again.
  await team.running.pop()?.stop()
  Object.assign(team.env, { SLACK_BOT_TOKEN: token })
  await team.start('all')
  expect(await ready()).toMatchObject({ status: 200, parts: { slack: true } })
  await team.click(people.tom, 'approval', 1)
  await team.until.succeeded(1)
  for (const word of ['QA passed', 'approved', 'Record:']) {
    expect(
      team.thread(1).filter((line) => line.includes(word)),
      word,
    ).toHaveLength(1)
  }
  // The edit of the announcement follows the outcome.
  await team.eventually(async () =>
    expect(await team.query("select state from outbox where state <> 'sent'")).toEqual([]),
  )
  expect(team.logs.join('')).not.toContain(token)
})

it('S7: the requester stops a release also while Slack refuses the token', async () => {
  team = await startTeam()
  const { slack, people } = team
  await team.command(people.dana, '/deploy production')
  await team.until.awaitingSignOff(1)
  slack.refuseToken('account_inactive')
  await team.click(people.dana, 'cancel', 1)
  await team.eventually(async () => {
    expect(await team.query('select state from release')).toEqual([{ state: 'cancelled' }])
  })
  slack.refuseToken(undefined)
})

it('S7: a scope that is missing is named to people, with who can fix it', async () => {
  team = await startTeam()
  const { slack, people } = team
  await team.command(people.dana, '/deploy production')
  await team.until.awaitingSignOff(1)
  slack.setScopes([
    'channels:read',
    'chat:write',
    'commands',
    'users:read',
    'users:read.email',
    'groups:read',
    'im:write',
  ])
  await team.click(people.tom, 'approval', 1)
  const words = await team.told(people.tom, 'not_a_member', 'missing_scope')
  expect(words).toContain('reinstall its Slack app')
  expect(errors().some(({ method }) => method?.startsWith('usergroups.'))).toBe(true)
})

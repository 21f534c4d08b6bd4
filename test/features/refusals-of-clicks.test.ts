import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { Delivery } from '../../src/sandbox/slack/workspace.ts'
import { startTeam, type Team } from '../support/team.ts'
import { expectUnchanged, nothingToTalkOver, toldNext, worldState } from '../support/world-state.ts'

let team: Team
let pia: string
beforeAll(async () => {
  team = await startTeam({ production: nothingToTalkOver })
  pia = team.slack.addUser({ name: 'pia', realName: 'Pia' }).id
  team.slack.setGroupUsers('release-approvers', [team.people.tom, team.people.dana, pia])
})
afterAll(() => team?.close())

const byLabel = (user: string, label: string): Delivery =>
  team.slack.captureClick({ user, channel: 'product', ts: team.card()?.ts ?? '', label })

let forgeries = 0

/** The same click with something in it that Slack never said. */
function forged(click: Delivery, change: (payload: Delivery['payload']) => void): Delivery {
  const copy = structuredClone(click)
  forgeries++
  Object.assign(action(copy.payload), { action_ts: `1790000000.${forgeries}` })
  change(copy.payload)
  return copy
}

function first<T>(list: unknown): T {
  return (list as T[])[0] as T
}

const action = (payload: Delivery['payload']) => first<Record<string, unknown>>(payload.actions)
const words = () => team.query('select * from sign_off order by position')

async function ask(number: number): Promise<void> {
  await team.command(team.people.dana, '/deploy production')
  await team.until(new RegExp(`Release #${number}: [\\s\\S]*Awaiting sign-off`))
}

async function reject(number: number): Promise<void> {
  await team.click(team.people.lin, 'Reject')
  await team.submit(team.people.lin, { Reason: 'Not this one' })
  await team.until(new RegExp(`Release #${number} was rejected`))
}

let kept: Delivery

it('only shows a failed check where passed ones are not asked for', async () => {
  const url = 'https://ci.example.test/7'
  team.bitbucket.setStatus(await team.repository.head('master'), { state: 'FAILED', name: 'Unit tests', url })
  await team.command(team.people.dana, '/deploy preview production')
  const told = await team.told(team.people.dana, /Preview: api/)
  expect(told).toMatch(/Merge: clean .* Checks: 1 failed/)
})

it('takes no click on an earlier release’s card for the one that is asked for now', async () => {
  const before = await worldState(team)
  await ask(1)
  kept = byLabel(team.people.tom, 'Approve')
  await reject(1)
  await expectUnchanged(team, before)
  await ask(2)
  const told = await toldNext(team, team.people.tom, () => team.slack.deliver(kept))
  expect(told).toContain('release #1 was rejected')
  expect(told).toContain('Gate: `already_decided`')
  expect((await words()).length).toBe(1)
})

it('knows its own cards and buttons: what is forged is out of date', async () => {
  const { tom } = team.people
  const real = byLabel(tom, 'Approve')
  const container = { type: 'message', message_ts: '1.000001', channel_id: team.slack.channels()[0]?.id }
  const wrong: Record<string, Delivery> = {
    "another release's button on this card": forged(real, (p) =>
      Object.assign(action(p), { value: action(kept.payload).value }),
    ),
    'a button that nobody made': forged(real, (p) => Object.assign(action(p), { value: 'forged' })),
    'a button without a value': forged(real, (p) => Object.assign(action(p), { value: undefined })),
    'the value of another button': forged(real, (p) => Object.assign(action(p), { action_id: 'qa_passed' })),
    'another message': forged(real, (p) => Object.assign(p, { container })),
    'another channel': forged(real, (p) => Object.assign(p.container as object, { channel_id: 'C0ELSEWHERE' })),
  }
  const before = await words()
  for (const [what, delivery] of Object.entries(wrong)) {
    const told = await toldNext(team, tom, () => team.slack.deliver(delivery))
    expect(told, what).toContain('Gate: `stale_button`')
    expect(told, what).toContain('/deploy status')
  }
  expect(await words()).toEqual(before)
})

it('does not hear what is of another workspace or app, or does not say whose it is', async () => {
  const { lin } = team.people
  const real = byLabel(lin, 'QA passed')
  const before = await words()
  const other: Delivery[] = [
    forged(real, (p) => Object.assign(p, { team: { id: 'T0OTHER', domain: 'other' } })),
    forged(real, (p) => Object.assign(p, { team: null })),
    forged(real, (p) => Object.assign(p, { api_app_id: 'A0OTHER' })),
    forged(real, (p) => Object.assign(p, { api_app_id: undefined })),
    forged(real, (p) => Object.assign(p, { user: undefined })),
  ]
  for (const delivery of other) await team.slack.deliver(delivery)
  // Handled after them: what they might have done is done by then.
  await toldNext(team, lin, () => team.command(lin, '/deploy status'))
  expect(await words()).toEqual(before)
  expect(await team.query('select * from inbox where handled_at is null')).toEqual([])
})

it('takes no word after its time is over, and then ends the release', async () => {
  const before = await worldState(team)
  await team.query(`update release set expires_at = now() - interval '1 second' where number = 2`)
  const told = await toldNext(team, team.people.lin, () => team.click(team.people.lin, 'QA passed'))
  expect(told).toContain('release #2 has expired')
  expect(told).toContain('Gate: `expired`')
  await team.running.find(({ tick }) => tick)?.tick?.()
  await team.until(/Release #2 expired: .*QA.* approval were not given within 24/)
  expect(team.words(team.card())).toMatch(/Expired[\s\S]*Gate: `expired`/)
  await vi.waitFor(() => expect(team.bitbucket.pullRequests().map(({ state }) => state)).not.toContain('OPEN'))
  expect((await worldState(team)).branches).toEqual(before.branches)
  await team.click(team.people.lin, 'Plan again')
  await team.until(/Release #3: [\s\S]*Awaiting sign-off/)
  await team.until('Replaced by #3')
  await reject(3)
})

it('lets nobody approve what they wrote alone', async () => {
  const { tom, lin } = team.people
  const author = { name: 'Tom', email: 'Tom@Example.test' }
  const master = await team.repository.head('master')
  await team.repository.branch('master', (await team.heroku.holds('complianceai-api-integration')) ?? '')
  await team.repository.commit({ files: { 'api/tom.py': '1\n' }, message: 'Add mine', author })
  await ask(4)
  const told = await toldNext(team, tom, () => team.click(tom, 'Approve'))
  expect(told).toContain('you wrote every commit of it')
  expect(told).toContain('@release-approvers')
  expect(told).toContain('Gate: `own_commits`')
  await team.click(tom, 'QA passed')
  await team.until(/Given: QA by tom/)
  await team.repository.branch('master', master)
  await team.click(lin, 'Reject')
  await team.submit(lin, { Reason: 'Not this one' })
  await team.until('Release #4 was rejected')
})

it('takes one of two clicks at once, and tells the other person who was first', async () => {
  const { lin, tom } = team.people
  await ask(5)
  await team.click(lin, 'QA passed')
  await team.until(/Given: QA by lin/)
  const clicks = [byLabel(tom, 'Approve'), byLabel(pia, 'Approve')]
  const privately = () =>
    [...team.slack.ephemerals(tom), ...team.slack.ephemerals(pia)].map((one) => team.slack.plainText(one))
  const heard = privately().length
  await Promise.all(clicks.map((click) => team.slack.deliver(click)))
  await team.succeeded(5)
  const told = privately().filter((one) => one.includes('#5'))
  expect(privately().length).toBe(heard + 1)
  expect(told.at(-1)).toMatch(/release #5 [\s\S]*Gate: `already_decided`/)
  const approvals = await team.query<{ person_name: string }>(
    "select * from sign_off where release = 5 and kind = 'approval'",
  )
  expect(approvals.length).toBe(1)
  expect(team.bitbucket.pullRequests().filter(({ state }) => state === 'MERGED').length).toBe(1)
})

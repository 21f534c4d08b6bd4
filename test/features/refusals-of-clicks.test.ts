import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Delivery } from '../../src/sandbox/slack/workspace.ts'
import { BUTTON, type Pressed, privately } from '../support/channel.ts'
import { pressWithReason } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'
import { expectUnchanged, nothingToTalkOver, worldState } from '../support/world-state.ts'

let team: Team
let pia: string
beforeAll(async () => {
  team = await startTeam({ production: nothingToTalkOver })
  pia = team.slack.addUser({ name: 'pia', realName: 'Pia' }).id
  team.slack.setGroupUsers('release-approvers', [team.people.tom, team.people.dana, pia])
})
afterAll(() => team?.close())

const clickOf = (user: string, pressed: Pressed): Delivery =>
  team.slack.captureClick({ user, channel: 'product', ts: team.card()?.ts ?? '', actionId: BUTTON[pressed] })

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
  await team.until.awaitingSignOff(number)
}

async function reject(number: number): Promise<void> {
  await pressWithReason(team, team.people.lin, 'rejection', 'Not this one')
  await team.until.state(number, 'rejected')
}

let kept: Delivery

it('only shows a failed check where passed ones are not asked for', async () => {
  const url = 'https://ci.example.test/7'
  team.bitbucket.setStatus(await team.repository.head('master'), { state: 'FAILED', name: 'Unit tests', url })
  await team.command(team.people.dana, '/deploy preview production')
  expect(await team.hears(team.people.dana, 'Say how to run it')).toMatch(/1 failed/)
})

it('takes no click on an earlier release’s card for the one that is asked for now', async () => {
  const before = await worldState(team)
  await ask(1)
  kept = clickOf(team.people.tom, 'approval')
  await reject(1)
  await expectUnchanged(team, before)
  await ask(2)
  await team.slack.deliver(kept)
  await team.told(team.people.tom, 'already_decided', '#1', 'rejected')
  expect((await words()).length).toBe(1)
})

it('knows its own cards and buttons: what is forged is out of date', async () => {
  const { tom } = team.people
  const real = clickOf(tom, 'approval')
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
    const told = await team.toldNext(tom, () => team.slack.deliver(delivery))
    expect(told, what).toMatch(/\/deploy status[\s\S]*`stale_button`/)
  }
  expect(await words()).toEqual(before)
})

it('does not hear what is of another workspace or app, or does not say whose it is', async () => {
  const { lin } = team.people
  const real = clickOf(lin, 'qa')
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
  await team.toldNext(lin, () => team.command(lin, '/deploy status'))
  expect(await words()).toEqual(before)
  expect(await team.query('select * from inbox where handled_at is null')).toEqual([])
})

it('takes no word after its time is over, and then ends the release', async () => {
  const before = await worldState(team)
  await team.query(`update release set expires_at = now() - interval '1 second' where number = 2`)
  await team.click(team.people.lin, 'qa')
  await team.told(team.people.lin, 'expired', '#2')
  await team.running.find(({ tick }) => tick)?.tick?.()
  expect(await team.until.state(2, 'expired')).toMatchObject({ gate: 'expired' })
  expect(await team.until.line(2, 'outcome')).toMatch(/QA.*approval/)
  await team.eventually(() => expect(team.bitbucket.pullRequests().map(({ state }) => state)).not.toContain('OPEN'))
  expect((await worldState(team)).branches).toEqual(before.branches)
  await team.click(team.people.lin, 'plan again')
  await team.until.awaitingSignOff(3)
  await team.until.replaced(2, 3)
  await reject(3)
})

it('lets nobody approve what they wrote alone', async () => {
  const { tom } = team.people
  const author = { name: 'Tom', email: 'Tom@Example.test' }
  const master = await team.repository.head('master')
  await team.repository.branch('master', (await team.heroku.holds('complianceai-api-integration')) ?? '')
  await team.repository.commit({ files: { 'api/tom.py': '1\n' }, message: 'Add mine', author })
  await ask(4)
  await team.click(tom, 'approval')
  await team.told(tom, 'own_commits', '@release-approvers')
  await team.click(tom, 'qa')
  await team.until.signed(4, 'qa', tom)
  await team.repository.branch('master', master)
  await reject(4)
})

it('takes one of two clicks at once, and tells the other person who was first', async () => {
  const { lin, tom } = team.people
  await ask(5)
  await team.click(lin, 'qa')
  await team.until.signed(5, 'qa', lin)
  const clicks = [clickOf(tom, 'approval'), clickOf(pia, 'approval')]
  const answers = () => [tom, pia].flatMap((user) => privately(team.slack, user))
  const before = answers().map(({ ts }) => ts)
  await Promise.all(clicks.map((click) => team.slack.deliver(click)))
  await team.until.succeeded(5)
  const [told, ...more] = await team.waitFor('one who reads why not', () => {
    const since = answers().filter(({ ts }) => !before.includes(ts))
    return since.length > 0 && since
  })
  expect(more).toEqual([])
  expect(team.words(told)).toMatch(/#5[\s\S]*`already_decided`/)
  const approvals = await team.query<{ person_name: string }>(
    "select * from sign_off where release = 5 and kind = 'approval'",
  )
  expect(approvals.length).toBe(1)
  expect(team.bitbucket.pullRequests().filter(({ state }) => state === 'MERGED').length).toBe(1)
})

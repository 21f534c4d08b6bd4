import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionsOf, BUTTON, filledIn, type Pressed } from '../support/channel.ts'
import { pressWithReason } from '../support/seen-release.ts'
import { type GateCode, startTeam, type Team } from '../support/team.ts'
import { leavesNothing } from '../support/world-state.ts'

let team: Team
let una: string
let pia: string

beforeAll(async () => {
  team = await startTeam({
    production: (entry) => {
      entry.sign_off = { qa: 2, approvals: 1, approvers: ['@release-approvers'], qa_by: ['@qa'] }
    },
  })
  const { slack, people } = team
  una = slack.addUser({ name: 'una', realName: 'Una', email: 'una@example.test' }).id
  pia = slack.addUser({ name: 'pia', realName: 'Pia', email: 'pia@example.test' }).id
  slack.addGroup({ handle: 'qa', users: [people.lin, una] })
  slack.setGroupUsers('release-approvers', [people.tom, people.dana, pia])
})
afterAll(() => team?.close())

type Facts = readonly (string | RegExp)[]

/** A person types a command, reads privately why it is not done, and no release is made. */
async function refusesCommand(user: string, command: string, gate: GateCode, facts: Facts = []) {
  const releases = () => team.query('select number, state from release order by number')
  const before = await releases()
  await leavesNothing(team, async () => {
    await team.command(user, command)
    await team.told(user, gate, ...facts)
  })
  expect(await releases()).toEqual(before)
}

/** A person presses a button, reads privately why it does not count, and no word is recorded. */
async function refusesClick(user: string, pressed: Pressed, gate: GateCode, facts: Facts = []) {
  await nothingRecorded(async () => {
    await team.click(user, pressed)
    await team.told(user, gate, ...facts)
  })
}

async function nothingRecorded(story: () => Promise<unknown>): Promise<void> {
  const counts = '(select count(*) from sign_off) as words, (select count(*) from event) as events'
  const recorded = () => team.query(`select number, state, ${counts} from release order by number`)
  const before = await recorded()
  await leavesNothing(team, story)
  expect(await recorded()).toEqual(before)
}

describe('before there is a release', () => {
  it('opens no window for a guest', async () => {
    for (const command of ['/deploy', '/hotfix', '/hotfix abcdef1 production']) {
      await refusesCommand(team.people.gus, command, 'not_a_member', ['guest'])
    }
    expect(team.slack.openView(team.people.gus)).toBeUndefined()
  })

  it('names the environments there are, the nearest first', () =>
    refusesCommand(team.people.dana, '/deploy prodction', 'unknown_environment', [
      /“prodction”[\s\S]*production[\s\S]*integration/,
      'releases.yml',
    ]))

  it('names the apps there are', () =>
    refusesCommand(team.people.dana, '/deploy apo production', 'unknown_app', [/“apo”[\s\S]*\bapi\b/]))

  it('knows no release of that number', () =>
    refusesCommand(team.people.dana, '/deploy cancel 99', 'unknown_release', ['#99', '/deploy history']))

  it('takes no release from a guest', () =>
    refusesCommand(team.people.gus, '/deploy production', 'not_a_member', ['guest']))

  it('tells a guest nothing of what runs, nor of what has gone', async () => {
    await refusesCommand(team.people.gus, '/deploy status', 'not_a_member', ['guest'])
    await refusesCommand(team.people.gus, '/deploy history', 'not_a_member', ['guest'])
  })

  it('takes no release from people of another organisation', () => {
    const { id } = team.slack.addUser({ name: 'xeno', external: true })
    return refusesCommand(id, '/deploy production', 'not_a_member')
  })

  it('takes no release from a bot', async () => {
    const { id } = team.slack.addUser({ name: 'robo', bot: true })
    const { lin } = team.people
    const typed = team.slack.captureCommand({ user: lin, channel: 'product', command: '/deploy', text: 'production' })
    Object.assign(typed.payload, { user_id: id, user_name: 'robo' })
    // Its answer address is still Lin's: nobody else could type it.
    await nothingRecorded(async () => {
      await team.slack.deliver(typed)
      await team.told(lin, 'not_a_member', /\bbot\b/)
    })
  })

  it('looks permissions up at each press: nothing is taken from memory when Slack does not tell who they are', async () => {
    team.slack.fault({ kind: 'error', method: 'users.info', error: 'internal_error', times: 1 })
    await refusesCommand(team.people.dana, '/deploy production', 'not_a_member', ['Slack'])
  })
})

describe('while sign-off is awaited', () => {
  beforeAll(async () => {
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(1)
  })

  it('names the release that keeps the environment busy, and links to it', async () => {
    const facts = ['#1', 'dana', '/deploy cancel 1']
    await refusesCommand(team.people.lin, '/deploy production', 'environment_busy', facts)
    const shown = JSON.stringify(team.slack.ephemerals(team.people.lin).at(-1)?.blocks)
    expect(shown).toContain(`/p${team.card()?.ts.replace('.', '')}`)
  })

  it('says who may approve', () => refusesClick(team.people.lin, 'approval', 'not_an_approver', ['@release-approvers']))

  it('says who may say that QA passed', () => refusesClick(team.people.tom, 'qa', 'not_a_qa', ['@qa']))

  it('lets nobody approve their own release', () =>
    refusesClick(team.people.dana, 'approval', 'own_release', ['@release-approvers']))

  it('counts each person once', async () => {
    const { lin } = team.people
    await team.click(lin, 'qa')
    await team.until.signed(1, 'qa', lin)
    await refusesClick(lin, 'qa', 'already_signed')
  })

  it('opens no window for a person who may not say that it must go out now', () =>
    refusesClick(una, 'emergency', 'not_an_approver', ['@release-approvers']))

  it('takes no short reason, whatever the window let through', async () => {
    const { tom } = team.people
    await team.click(tom, 'emergency')
    const view = await team.modal(tom)
    const values = filledIn(view, { reason: 'long enough to send' })
    const forged = team.slack.captureSubmit({ user: tom, view, values })
    const changed = JSON.parse(JSON.stringify(forged).replaceAll('long enough to send', 'short'))
    await nothingRecorded(async () => {
      await team.slack.deliver(changed)
      await team.told(tom, 'reason_too_short', '10')
    })
  })

  it('lets only the requester and approvers cancel', () =>
    refusesCommand(una, '/deploy cancel 1', 'not_allowed', ['@release-approvers']))

  it('looks people up at the click: a guest, and one who was deactivated since', async () => {
    await refusesClick(team.people.gus, 'qa', 'not_a_member', ['guest'])
    const { slack } = team
    const { ts = '' } = team.card() ?? {}
    const click = slack.captureClick({ user: una, channel: 'product', ts, actionId: BUTTON.qa })
    slack.deactivate(una)
    await nothingRecorded(async () => {
      await slack.deliver(click)
      await team.told(una, 'not_a_member', 'deactivated')
    })
    slack.reactivate(una)
  })

  it('says who rejected it, and takes its pull request back', async () => {
    const { tom, lin } = team.people
    const ts = team.card()?.ts ?? ''
    const late = team.slack.captureClick({ user: tom, channel: 'product', ts, actionId: BUTTON.approval })
    await pressWithReason(team, lin, 'rejection', 'The export is still wrong')
    expect(await team.until.state(1, 'rejected')).toMatchObject({ endedBy: 'lin' })
    expect(team.words(team.card(1))).toMatch(/lin[\s\S]*The export is still wrong/)
    expect(actionsOf(team.card(1) ?? { blocks: [] })).not.toEqual(expect.arrayContaining([BUTTON.approval]))
    expect(actionsOf(team.card(1) ?? { blocks: [] })).not.toEqual(expect.arrayContaining([BUTTON.qa]))
    await team.slack.deliver(late)
    await team.told(tom, 'already_decided', '#1', 'rejected', 'lin')
    expect(await team.until.line(1, 'outcome')).toContain('lin')
    const declined = () => team.bitbucket.pullRequests().every(({ state }) => state === 'DECLINED')
    await team.waitFor('its pull request to be declined', declined)
  })
})

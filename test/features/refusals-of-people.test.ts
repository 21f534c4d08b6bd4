import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'
import { leavesNothing, toldNext } from '../support/world-state.ts'

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

type Words = readonly (string | RegExp)[]

function says(told: string, gate: string, words: Words) {
  expect(told).toContain('Nothing was changed')
  expect(told).toContain(`Gate: \`${gate}\``)
  for (const each of words) typeof each === 'string' ? expect(told).toContain(each) : expect(told).toMatch(each)
}

/** A person types a command, reads privately why it is not done, and no release is made. */
async function refusesCommand(user: string, command: string, gate: string, words: Words) {
  const releases = () => team.query('select number, state from release order by number')
  const before = await releases()
  says(await leavesNothing(team, () => toldNext(team, user, () => team.command(user, command))), gate, words)
  expect(await releases()).toEqual(before)
}

/** A person presses a button, reads privately why it does not count, and no word is recorded. */
async function refusesClick(user: string, label: string, gate: string, words: Words) {
  says(await nothingRecorded(() => toldNext(team, user, () => team.click(user, label))), gate, words)
}

async function nothingRecorded<T>(story: () => Promise<T>): Promise<T> {
  const counts = '(select count(*) from sign_off) as words, (select count(*) from event) as events'
  const recorded = () => team.query(`select number, state, ${counts} from release order by number`)
  const before = await recorded()
  const told = await leavesNothing(team, story)
  expect(await recorded()).toEqual(before)
  return told
}

describe('before there is a release', () => {
  it('opens no window for a guest', async () => {
    for (const command of ['/deploy', '/hotfix', '/hotfix abcdef1 production']) {
      await refusesCommand(team.people.gus, command, 'not_a_member', ['a guest', 'Ask a full member'])
    }
    expect(team.slack.openView(team.people.gus)).toBeUndefined()
  })

  it('names the environments there are, the nearest first', () =>
    refusesCommand(team.people.dana, '/deploy prodction', 'unknown_environment', [
      'no environment “prodction”',
      'Did you mean production?',
      'integration',
      'releases.yml',
    ]))

  it('names the apps there are', () =>
    refusesCommand(team.people.dana, '/deploy apo production', 'unknown_app', ['no app “apo”', 'There is api']))

  it('knows no release of that number', () =>
    refusesCommand(team.people.dana, '/deploy cancel 99', 'unknown_release', ['no release #99', '/deploy history']))

  it('takes no release from a guest', () =>
    refusesCommand(team.people.gus, '/deploy production', 'not_a_member', ['a guest', 'Ask a full member']))

  it('tells a guest nothing of what runs, nor of what has gone', async () => {
    await refusesCommand(team.people.gus, '/deploy status', 'not_a_member', ['a guest'])
    await refusesCommand(team.people.gus, '/deploy history', 'not_a_member', ['a guest'])
  })

  it('takes no release from people of another organisation', () => {
    const { id } = team.slack.addUser({ name: 'xeno', external: true })
    return refusesCommand(id, '/deploy production', 'not_a_member', [/organisation|another workspace/])
  })

  it('takes no release from a bot', async () => {
    const { id } = team.slack.addUser({ name: 'robo', bot: true })
    const { lin } = team.people
    const typed = team.slack.captureCommand({ user: lin, channel: 'product', command: '/deploy', text: 'production' })
    Object.assign(typed.payload, { user_id: id, user_name: 'robo' })
    // Its answer address is still Lin's: nobody else could type it.
    says(await nothingRecorded(() => toldNext(team, lin, () => team.slack.deliver(typed))), 'not_a_member', ['a bot'])
  })

  it('takes nobody’s right from memory when Slack does not tell who they are', async () => {
    team.slack.fault({ kind: 'error', method: 'users.info', error: 'internal_error', times: 1 })
    const words = ['Slack did not tell who you are', 'Try again in a minute']
    await refusesCommand(team.people.dana, '/deploy production', 'not_a_member', words)
  })
})

describe('while sign-off is awaited', () => {
  beforeAll(async () => {
    await team.command(team.people.dana, '/deploy production')
    await team.until('Awaiting sign-off')
  })

  it('names the release that the environment is busy with, and links to it', async () => {
    const words = ['busy with release #1', 'asked for by dana', 'awaits sign-off', '/deploy cancel 1']
    await refusesCommand(team.people.lin, '/deploy production', 'environment_busy', words)
    const shown = JSON.stringify(team.slack.ephemerals(team.people.lin).at(-1)?.blocks)
    expect(shown).toContain(`/p${team.card()?.ts.replace('.', '')}`)
  })

  it('says who may approve', () =>
    refusesClick(team.people.lin, 'Approve', 'not_an_approver', ['may approve', '@release-approvers']))

  it('says who may say that QA passed', () =>
    refusesClick(team.people.tom, 'QA passed', 'not_a_qa', ['QA passed', '@qa']))

  it('lets nobody approve their own release', () =>
    refusesClick(team.people.dana, 'Approve', 'own_release', ['your own', '@release-approvers', 'QA passed']))

  it('counts each person once', async () => {
    const { lin } = team.people
    await team.click(lin, 'QA passed')
    await team.until(/Given: QA by/)
    await refusesClick(lin, 'QA passed', 'already_signed', ['said that QA passed already', 'It counts once'])
  })

  it('opens no window for a person who may not say that it must go out now', () =>
    refusesClick(una, 'Must go out now…', 'not_an_approver', ['must go out now', '@release-approvers']))

  it('takes no short reason, whatever the window let through', async () => {
    const { tom } = team.people
    await team.click(tom, 'Must go out now…')
    const view = await team.slack.waitFor(() => team.slack.openView(tom), { what: 'the window' })
    const forged = team.slack.captureSubmit({ user: tom, view, values: { Reason: 'long enough to send' } })
    const changed = JSON.parse(JSON.stringify(forged).replaceAll('long enough to send', 'short'))
    const told = await nothingRecorded(() => toldNext(team, tom, () => team.slack.deliver(changed)))
    says(told, 'reason_too_short', ['at least 10 characters'])
  })

  it('lets only the requester and approvers cancel', () =>
    refusesCommand(una, '/deploy cancel 1', 'not_allowed', ['may not cancel', 'the requester', '@release-approvers']))

  it('looks people up at the click: a guest, and one who was deactivated since', async () => {
    await refusesClick(team.people.gus, 'QA passed', 'not_a_member', ['a guest'])
    const { slack } = team
    const click = slack.captureClick({ user: una, channel: 'product', ts: team.card()?.ts ?? '', label: 'QA passed' })
    slack.deactivate(una)
    says(await nothingRecorded(() => toldNext(team, una, () => slack.deliver(click))), 'not_a_member', ['deactivated'])
    slack.reactivate(una)
  })

  it('says who rejected it, and takes its pull request back', async () => {
    const { tom, lin } = team.people
    const ts = team.card()?.ts ?? ''
    const late = team.slack.captureClick({ user: tom, channel: 'product', ts, label: 'Approve' })
    await team.click(lin, 'Reject')
    await team.submit(lin, { Reason: 'The export is still wrong' })
    await team.until(/Rejected\*? by lin/)
    await team.until('The export is still wrong')
    expect(team.words(team.card())).not.toMatch(/Approve|QA passed/)
    const told = await toldNext(team, tom, () => team.slack.deliver(late))
    says(told, 'already_decided', ['release #1 was rejected', 'By lin'])
    await team.slack.waitFor(() => team.thread().some((line) => line.includes('was rejected by lin')), {
      what: 'the end',
    })
    const declined = () => team.bitbucket.pullRequests().every(({ state }) => state === 'DECLINED')
    await expect.poll(declined, { timeout: 10_000 }).toBe(true)
  })
})

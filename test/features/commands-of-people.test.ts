/** What people type and press, and what they read in answer. One team: each story leaves it idle. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announcements, BUTTON, cards, fieldsWith } from '../support/channel.ts'
import { type GateCode, INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('commands', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam()
  })
  afterAll(() => team?.close())

  const releases = () => team.query<{ number: number; state: string }>('select number, state from release order by 1')
  const answerTo = (user: string, command: string) => team.toldNext(user, () => team.command(user, command))
  const refusalOf = async (user: string, command: string, gate: GateCode) => {
    await team.command(user, command)
    return team.told(user, gate)
  }

  it('/deploy preview shows the plan to one person and changes nothing', async () => {
    const { dana } = team.people
    const branches = await team.bitbucket.log()
    await answerTo(dana, '/deploy preview production')
    const words = await team.hears(dana, 'Say how to run it')
    expect(words).toMatch(/\b4\b.*Say how to run it.*\b1\b.*add documents language/s)
    expect(words).toContain('/deploy api production')
    expect(await releases()).toEqual([])
    expect(await team.query('select 1 from event')).toEqual([])
    expect(team.slack.messages('product')).toEqual([])
    expect(team.bitbucket.pullRequests()).toEqual([])
    expect(await team.bitbucket.log()).toEqual(branches)
    await answerTo(dana, '/deploy preview api integration')
    expect(await team.hears(dana, '/deploy api integration')).not.toContain('PR')
  })

  it('/deploy help tells every command, and nonsense is answered with it and why', async () => {
    const { lin } = team.people
    const help = await answerTo(lin, '/deploy help')
    for (const command of ['preview', 'status', 'history', 'cancel', 'retry', 'help']) {
      expect(help).toContain(`/deploy ${command}`)
    }
    expect(help).toContain('/hotfix')
    expect(await answerTo(lin, '/deploy cancel it')).toContain('/deploy status')
    expect(await answerTo(lin, '/deploy api')).toContain('/deploy api production')
    const unknown = await refusalOf(lin, '/deploy prodction', 'unknown_environment')
    expect(unknown).toMatch(/production.*integration/s)
    expect(await refusalOf(lin, '/deploy web to production', 'unknown_app')).toContain('api')
    const hostile = await answerTo(lin, '/deploy <!channel> *now* `x`')
    expect(hostile).toContain('/deploy status')
    expect(hostile).not.toContain('<!channel>')
    expect(await releases()).toEqual([])
  })

  it('/deploy alone opens a modal that asks for App and Environment, and sending it asks for the release', async () => {
    const { dana, lin } = team.people
    await team.command(dana, '/deploy')
    await team.submit(dana, { app: 'api', environment: 'integration' })
    await team.hears(dana, '#1', 'api', 'integration')
    await team.until.succeeded(1)
    expect(team.heroku.runs(INTEGRATION)).toBe(await team.repository.head('master'))

    await team.command(lin, '/deploy')
    const view = await team.modal(lin)
    const empty = await team.slack.submit({ user: lin, view })
    // The one app is picked.
    expect(fieldsWith(empty.errors, view)).toEqual(['environment'])
    await team.slack.closeView({ user: lin, view })
  })

  it('S25: Preview in the modal asks for nothing twice, leaves it open, and makes no release', async () => {
    const { lin } = team.people
    const before = await releases()
    await team.command(lin, '/deploy')
    const view = await team.modal(lin)
    await team.slack.press({ user: lin, view, label: 'Preview' })
    const told = (words: string) => JSON.stringify(team.slack.openView(lin)?.blocks).includes(words)
    await team.waitFor('the modal to ask for an environment', () => told('Pick an environment first'))
    await team.slack.choose({ user: lin, label: 'Environment', value: 'production' })
    await team.slack.press({ user: lin, label: 'Preview' })
    await team.waitFor('the modal to say so', () => told('The preview of api to production is being prepared.'))
    await team.hears(lin, 'Preview', 'api', 'production')
    expect(await releases()).toEqual(before)
    expect(team.slack.openView(lin)?.values.environment).toBeDefined()
    await team.slack.closeView({ user: lin })
  })

  it('/deploy cancel takes a number from who may, and refuses others with who may', async () => {
    const { dana, lin, tom } = team.people
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(2)
    expect(await refusalOf(lin, '/deploy cancel 2', 'not_allowed')).toContain('@release-approvers')
    expect(await refusalOf(tom, '/deploy cancel 99', 'unknown_release')).toContain('99')
    expect(await refusalOf(dana, '/deploy retry 2', 'already_decided')).toContain('#2')
    expect(await answerTo(tom, '/deploy cancel #2')).toContain('#2')
    await team.until.state(2, 'cancelled')
    await team.eventually(() => expect(team.bitbucket.pullRequests().map(({ state }) => state)).toEqual(['DECLINED']))
    expect(announcements(team.slack)).toEqual([])
  })

  it('buttons that need words open a modal with Reason, and Details shows what goes', async () => {
    const { dana, lin, tom, gus } = team.people
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(3)

    await team.click(lin, 'details')
    const details = await team.modal(lin)
    const shown = team.slack.plainText(details)
    for (const part of ['Say how to run it', 'add documents language', 'README']) expect(shown).toContain(part)
    expect(JSON.stringify(details.blocks)).toContain('/branches/compare/')
    await team.slack.closeView({ user: lin, view: details })

    await team.click(gus, 'details')
    await team.told(gus, 'not_a_member')
    expect(team.slack.openView(gus)).toBeUndefined()

    await team.click(tom, 'rejection')
    const modal = await team.modal(tom)
    expect(team.slack.plainText(modal)).toContain('#3')
    const empty = await team.slack.submit({ user: tom, view: modal })
    expect(fieldsWith(empty.errors, modal)).toEqual(['reason'])
    await team.submit(tom, { reason: 'The <!here> search *limit* is wrong' })
    await team.until.state(3, 'rejected')
    expect(team.words(team.card(3))).toContain('The <!here> search *limit* is wrong')
    expect(team.slack.messages('product').map(({ blocks }) => JSON.stringify(blocks))).not.toContain(
      '"type":"broadcast"',
    )
    expect(team.heroku.runs(PRODUCTION)).not.toBe(await team.repository.head('master'))
  })

  it('the last owed word is confirmed first with what it starts, on QA passed too', async () => {
    const { dana, lin, tom } = team.people
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(4)
    expect(await team.click(tom, 'approval')).toBeUndefined()
    await team.until.signed(4, 'approval', tom)
    const denied = await team.slack.click({
      ...{ user: lin, channel: 'product', ts: team.card(4)?.ts ?? '', actionId: BUTTON.qa },
      confirm: false,
    })
    expect(denied.seen).toBe('denied')
    expect((await releases()).at(-1)?.state).toBe('awaiting sign-off')
    const question = await team.click(lin, 'qa')
    for (const fact of ['#4', 'production']) expect(question).toContain(fact)
    await team.until.succeeded(4)
  })

  it('/deploy status tells what runs where and what is under way', async () => {
    const { dana, tom } = team.people
    await team.repository.commit({ files: { 'NOTES.md': 'more\n' }, message: 'Note more' })
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(5)
    const words = await answerTo(tom, '/deploy status')
    const [runs, integration] = [PRODUCTION, INTEGRATION].map((app) => team.heroku.runs(app)?.slice(0, 7))
    expect(words).toMatch(new RegExp(`production.*${runs}.*#5.*dana`, 's'))
    expect(words).toMatch(new RegExp(`integration.*${integration}`, 's'))
    await team.command(dana, '/deploy cancel 5')
    await team.until.state(5, 'cancelled')
  })

  it('/deploy history tells the last releases, of one environment too', async () => {
    const all = await answerTo(team.people.lin, '/deploy history')
    for (const number of [1, 2, 3, 4, 5]) expect(all).toContain(`#${number}`)
    const shown = JSON.stringify(team.slack.ephemerals(team.people.lin).at(-1)?.blocks)
    for (const { ts } of cards(team.slack)) {
      expect(shown).toContain(`/p${ts.replace('.', '')}`)
    }
    const some = await answerTo(team.people.lin, '/deploy history api integration')
    expect(some).toMatch(/#1.*api integration.*succeeded/s)
    expect(some).not.toMatch(/#[2-5]/)
    const none = await answerTo(team.people.lin, '/deploy history api production 1')
    expect(none).toMatch(/api production.*#1/s)
    expect(none).not.toMatch(/#[2-5]/)
    const answers = team.slack.log.filter(({ method }) => method === 'response_url')
    expect(answers.filter(({ args }) => args.unfurl_links !== false || args.unfurl_media !== false)).toEqual([])
  })
})

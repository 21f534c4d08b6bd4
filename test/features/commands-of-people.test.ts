/** What people type and press, and what they read in answer. One team: each story leaves it idle. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('commands', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam()
  })
  afterAll(() => team?.close())

  const releases = () => team.query<{ number: number; state: string }>('select number, state from release order by 1')
  const answerTo = async (user: string, command: string, text: string | RegExp) => {
    await team.command(user, command)
    return (await team.told(user, text)).replaceAll('\u00a0', ' ')
  }

  it('/deploy preview shows the plan to one person and changes nothing', async () => {
    const { dana } = team.people
    const branches = await team.bitbucket.log()
    const words = await answerTo(dana, '/deploy preview production', 'Preview: api production')
    expect(words).toMatch(/Nothing was changed, and nothing has a number yet/)
    expect(words).toMatch(/4 commits.*Say how to run it.*1 migration.*add documents language/s)
    expect(words).toContain('/deploy api production')
    expect(await releases()).toEqual([])
    expect(await team.query('select 1 from event')).toEqual([])
    expect(team.slack.messages('product')).toEqual([])
    expect(team.bitbucket.pullRequests()).toEqual([])
    expect(await team.bitbucket.log()).toEqual(branches)
    const integration = await answerTo(dana, '/deploy preview api integration', 'Preview: api integration')
    expect(integration).not.toContain('PR')
  })

  it('/deploy help tells every command, and nonsense is answered with it and why', async () => {
    const { lin } = team.people
    const help = await answerTo(lin, '/deploy help', 'What you can type')
    for (const command of ['preview', 'status', 'history', 'cancel', 'retry', 'help']) {
      expect(help).toContain(`/deploy ${command}`)
    }
    expect(help).toContain('/hotfix')
    expect(await answerTo(lin, '/deploy cancel it', 'number of one release')).toContain('What you can type')
    expect(await answerTo(lin, '/deploy api', 'The environment is missing')).toContain('/deploy api production')
    const unknown = await answerTo(lin, '/deploy prodction', 'Gate: `unknown_environment`')
    expect(unknown).toMatch(/production.*integration/s)
    expect(await answerTo(lin, '/deploy web to production', 'Gate: `unknown_app`')).toContain('api')
    const hostile = await answerTo(lin, '/deploy <!channel> *now* `x`', /What you can type/)
    expect(hostile).not.toContain('<!channel>')
    expect(await releases()).toEqual([])
  })

  it('/deploy alone opens a modal that asks for App and Environment, and sending it asks for the release', async () => {
    const { dana, lin } = team.people
    await team.command(dana, '/deploy')
    await team.submit(dana, { App: 'api', Environment: 'integration' })
    await team.told(dana, 'Release #1 of api to integration is being planned')
    await team.succeeded(1)
    expect(team.heroku.runs(INTEGRATION)).toBe(await team.repository.head('master'))

    await team.command(lin, '/deploy')
    const view = await team.slack.waitFor(() => team.slack.openView(lin), { what: 'the modal' })
    const empty = await team.slack.submit({ user: lin, view })
    expect(Object.keys(empty.errors)).toEqual(['App', 'Environment'])
    await team.slack.closeView({ user: lin, view })
  })

  it('/deploy cancel takes a number from who may, and refuses others with who may', async () => {
    const { dana, lin, tom } = team.people
    await team.command(dana, '/deploy production')
    await team.until(/Release #2: .*Awaiting sign-off/s)
    const refused = await answerTo(lin, '/deploy cancel 2', 'Gate: `not_allowed`')
    expect(refused).toMatch(/release-approvers/)
    expect(await answerTo(tom, '/deploy cancel 99', 'Gate: `unknown_release`')).toContain('99')
    expect(await answerTo(dana, '/deploy retry 2', 'Gate: `already_decided`')).toContain('#2')
    expect(await answerTo(tom, '/deploy cancel #2', 'Release #2 of api to production is cancelled.')).toBeTruthy()
    await team.until(/Release #2.*Cancelled/s)
    await expect
      .poll(() => team.bitbucket.pullRequests().map(({ state }) => state), { timeout: 20_000 })
      .toEqual(['DECLINED'])
    expect(team.slack.messages('product').filter(({ text }) => text.includes('is changing'))).toEqual([])
  })

  it('buttons that need words open a modal with Reason, and Details shows what goes', async () => {
    const { dana, lin, tom, gus } = team.people
    await team.command(dana, '/deploy production')
    await team.until(/Release #3: .*Awaiting sign-off/s)

    await team.click(lin, 'Details')
    const details = await team.slack.waitFor(() => team.slack.openView(lin), { what: 'the Details modal' })
    const shown = team.slack.plainText(details)
    for (const part of ['Say how to run it', 'add documents language', 'README', 'compare']) {
      expect(shown.toLowerCase()).toContain(part.toLowerCase())
    }
    await team.slack.closeView({ user: lin, view: details })

    await team.click(gus, 'Details')
    await team.told(gus, 'Gate: `not_a_member`')
    expect(team.slack.openView(gus)).toBeUndefined()

    await team.click(tom, 'Reject')
    const modal = await team.slack.waitFor(() => team.slack.openView(tom), { what: 'the Reject modal' })
    expect(team.slack.plainText(modal)).toContain('#3')
    const empty = await team.slack.submit({ user: tom, view: modal })
    expect(Object.keys(empty.errors)).toEqual(['Reason'])
    await team.submit(tom, { Reason: 'The <!here> search *limit* is wrong' })
    await team.until(/Release #3: .*Rejected/s)
    expect(team.words(team.card())).toContain('The <!here> search *limit* is wrong')
    expect(team.slack.messages('product').map(({ blocks }) => JSON.stringify(blocks))).not.toContain(
      '"type":"broadcast"',
    )
    expect(team.heroku.runs(PRODUCTION)).not.toBe(await team.repository.head('master'))
  })

  it('the last owed word is confirmed first with what it starts, on QA passed too', async () => {
    const { dana, lin, tom } = team.people
    await team.command(dana, '/deploy production')
    await team.until(/Release #4: .*Awaiting sign-off/s)
    // On the card from its first post on: it asks from then.
    expect(team.words(team.card())).toContain('Expires: ')
    expect(await team.click(tom, 'Approve')).toBeUndefined()
    await team.until(/Release #4: .*Given: approval/s)
    const card = team.card()
    const denied = await team.slack.click({
      ...{ user: lin, channel: 'product', ts: card?.ts ?? '', label: 'QA passed' },
      confirm: false,
    })
    expect(denied.seen).toBe('denied')
    expect((await releases()).at(-1)?.state).toBe('awaiting sign-off')
    expect(await team.click(lin, 'QA passed')).toContain('This starts #4 on production now.')
    await team.succeeded(4)
  })

  it('/deploy status tells what runs where and what is under way', async () => {
    const { dana, tom } = team.people
    await team.repository.commit({ files: { 'NOTES.md': 'more\n' }, message: 'Note more' })
    await team.command(dana, '/deploy production')
    await team.until(/Release #5: .*Awaiting sign-off/s)
    const runs = team.heroku.runs(PRODUCTION)?.slice(0, 7) ?? '-'
    const words = await answerTo(tom, '/deploy status', 'Worker last seen')
    expect(words).toMatch(new RegExp(`production.*${runs}.*#5, asked for by dana`, 's'))
    expect(words).toMatch(/integration\* · idle/)
    await team.command(dana, '/deploy cancel 5')
    await team.until(/Release #5.*Cancelled/s)
  })

  it('/deploy history tells the last releases, of one environment too', async () => {
    const all = await answerTo(team.people.lin, '/deploy history', '#5')
    for (const number of [1, 2, 3, 4, 5]) expect(all).toContain(`#${number}`)
    const shown = JSON.stringify(team.slack.ephemerals(team.people.lin).at(-1)?.blocks)
    for (const { ts } of team.slack.messages('product').filter(({ blocks }) => blocks[0]?.type === 'header')) {
      expect(shown).toContain(`/p${ts.replace('.', '')}`)
    }
    const some = await answerTo(team.people.lin, '/deploy history api integration', /^(?!.*#[2-5]).*#1/s)
    expect(some).toContain('api integration: succeeded')
    const none = 'There is no release of api production older than #1.'
    expect(await answerTo(team.people.lin, '/deploy history api production 1', none)).toBe(none)
    const answers = team.slack.log.filter(({ method }) => method === 'response_url')
    expect(answers.filter(({ args }) => args.unfurl_links !== false || args.unfurl_media !== false)).toEqual([])
  })
})

/** The emergency lane, on a bot and a worker that share the store and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionsOf, announcements, BUTTON, fieldsWith, filledIn } from '../support/channel.ts'
import { ask } from '../support/postgres.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('Must go out now…', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ roles: 'apart' })
  })
  afterAll(() => team?.close())

  const reason = 'Search is down for every customer'

  it('asks for a reason of at least ten characters, and only those who may', async () => {
    const { dana, lin } = team.people
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    await team.click(lin, 'emergency')
    await team.told(lin, 'not_an_approver', '@release-approvers')
    expect(team.slack.openView(lin)).toBeUndefined()

    await team.click(dana, 'emergency')
    const view = await team.modal(dana)
    expect(team.slack.plainText(view)).toMatch(/#1.*QA.*approval/s)
    const short = await team.slack.submit({ user: dana, view, values: filledIn(view, { reason: 'too short' }) })
    expect(fieldsWith(short.errors, view)).toEqual(['reason'])
    expect(await team.query('select 1 from sign_off')).toEqual([])
  })

  it('starts at once by the requester, and #product reads who and why before anything is merged', async () => {
    const { dana } = team.people
    await team.submit(dana, { reason })
    await team.until.succeeded(1)
    const [message] = announcements(team.slack, 1)
    const announced = team.slack.log.find(({ ts }) => ts === message?.ts)
    const merge = (await team.bitbucket.log()).find(({ kind }) => kind === 'pull request merged')
    expect(announced?.at).toBeLessThan(Date.parse(merge?.at ?? ''))
    expect(team.words(message)).toMatch(/#1.*api production.*QA.*approval/s)
    expect(team.words(message)).toContain(reason)
    expect(team.words(message)).toContain('dana')
    const merged = await team.repository.head('production')
    expect(team.heroku.runs(PRODUCTION)).toBe(merged)
    expect(await team.revisions('production')).toEqual([await team.repository.headRevision('master')])
    const [pullRequest] = team.bitbucket.pullRequests()
    const [comment] = team.bitbucket.comments(pullRequest?.id ?? 0)
    expect(comment?.raw).toContain(reason)
  })

  it('leaves on the card what was skipped, which only others can give afterwards', async () => {
    const { dana, lin, tom } = team.people
    const owed = () => actionsOf(team.card(1) ?? { blocks: [] }).filter((action) => action !== BUTTON.details)
    expect(owed()).toEqual([BUTTON.qa, BUTTON.approval])
    for (const pressed of ['qa', 'approval'] as const) {
      await team.click(dana, pressed)
      await team.told(dana, 'own_release')
    }
    expect(await team.click(lin, 'qa'), 'it asks').toContain('production')
    await team.until.signed(1, 'qa', lin)
    expect(owed()).toEqual([BUTTON.approval])
    await team.click(tom, 'approval')
    await team.until.signed(1, 'approval', tom)
    expect(owed()).toEqual([])
    const kinds = await team.query<{ kind: string }>('select kind from sign_off order by position')
    expect(kinds.map(({ kind }) => kind)).toEqual(['emergency', 'qa', 'approval'])
    const attempts = await team.query<{ attempt: number; state: string }>('select attempt, state from release')
    expect(attempts).toEqual([{ attempt: 1, state: 'succeeded' }])
  })

  it('goes on as usual afterwards: integration, then production with both words', async () => {
    await team.repository.commit({ files: { 'NOTES.md': 'calm\n' }, message: 'Note what happened' })
    await team.command(team.people.lin, '/deploy integration')
    await team.until.succeeded(2)
    await team.releaseProduction(3)
    expect(team.heroku.runs(PRODUCTION)).toBe(await team.repository.head('production'))
  })

  it('is told that there is no worker, and goes on when one comes', async () => {
    const [worker] = team.running
    await worker?.stop()
    await team.query("update worker set at = now() - interval '31 seconds'")
    await team.repository.commit({ files: { 'NOTES.md': 'calmer\n' }, message: 'Note more of it' })
    await team.command(team.people.dana, '/deploy integration')
    expect(await team.hears(team.people.dana, '#4')).toMatch(/worker/)
    // Its card is there before its plan is, and says what it waits for.
    await team.until.state(4, 'planning')
    expect(team.words(team.card(4))).toMatch(/worker/)
    await team.start('worker')
    await team.until.succeeded(4)
  })
})

describe('an environment that a store outage hits', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam()
  })
  afterAll(() => team?.close())

  it('says to the person that nothing was recorded, and that is so', async () => {
    const { dana } = team.people
    const name = new URL(team.env.STORE_URL ?? '').pathname.slice(1)
    await ask(team.databases.integration.url, `alter database ${name} allow_connections false`)
    await ask(
      team.databases.integration.url,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
    )
    try {
      // No answer of this kind names a gate or a release: it knows of none.
      const told = await team.toldNext(dana, () => team.command(dana, '/deploy integration'))
      expect(told).not.toMatch(/#\d|`\w+`/)
    } finally {
      await ask(team.databases.integration.url, `alter database ${name} allow_connections true`)
    }
    await team.eventually(async () => expect(await team.query('select 1 from release')).toEqual([]))
    await team.command(dana, '/deploy integration')
    await team.until.succeeded(1)
  })
})

/** The emergency lane, on a bot and a worker that share the store and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
    await team.until('Awaiting sign-off')
    await team.click(lin, 'Must go out now…')
    expect(await team.told(lin, 'Gate: `not_an_approver`')).toContain('release-approvers')
    expect(team.slack.openView(lin)).toBeUndefined()

    await team.click(dana, 'Must go out now…')
    const view = await team.slack.waitFor(() => team.slack.openView(dana), { what: 'the modal' })
    expect(team.slack.plainText(view)).toMatch(
      /without waiting for QA and approval.*others have to give it afterwards/s,
    )
    const short = await team.slack.submit({ user: dana, view, values: { Reason: 'too short' } })
    expect(Object.keys(short.errors)).toEqual(['Reason'])
    expect(await team.query('select 1 from sign_off')).toEqual([])
  })

  it('starts at once by the requester, and #product reads who and why before anything is merged', async () => {
    const { dana } = team.people
    await team.submit(dana, { Reason: reason })
    await team.succeeded(1)
    const announced = team.slack.log.find(
      ({ method, args }) =>
        method === 'chat.postMessage' && String(args.text).includes('is changing api production now'),
    )
    const merge = (await team.bitbucket.log()).find(({ kind }) => kind === 'pull request merged')
    expect(announced?.at).toBeLessThan(Date.parse(merge?.at ?? ''))
    const message = team.slack.messages('product').find(({ ts }) => ts === announced?.ts)
    expect(team.words(message)).toMatch(/#1 is changing api production now, without QA and approval/)
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
    await expect.poll(() => team.words(team.card()), { timeout: 20_000 }).toMatch(/Succeeded.*Still owed: \*QA/s)
    expect(team.words(team.card())).toMatch(/Emergency/)
    await team.click(dana, 'QA passed')
    await team.told(dana, 'Gate: `own_release`')
    await team.click(dana, 'Approve')
    await expect
      .poll(() => team.slack.ephemerals(dana).filter((one) => team.words(one).includes('own_release')).length, {
        timeout: 20_000,
      })
      .toBe(2)
    expect(await team.click(lin, 'QA passed')).toContain('It is out already')
    await expect.poll(() => team.words(team.card()), { timeout: 20_000 }).not.toMatch(/Still owed: \*QA/)
    await team.click(tom, 'Approve')
    await expect.poll(() => team.words(team.card()), { timeout: 20_000 }).not.toContain('Still owed')
    expect(team.words(team.card())).not.toContain('[Approve]')
    const kinds = await team.query<{ kind: string }>('select kind from sign_off order by position')
    expect(kinds.map(({ kind }) => kind)).toEqual(['emergency', 'qa', 'approval'])
    const attempts = await team.query<{ attempt: number; state: string }>('select attempt, state from release')
    expect(attempts).toEqual([{ attempt: 1, state: 'succeeded' }])
  })

  it('goes on as usual afterwards: integration, then production with both words', async () => {
    await team.repository.commit({ files: { 'NOTES.md': 'calm\n' }, message: 'Note what happened' })
    await team.command(team.people.lin, '/deploy integration')
    await team.succeeded(2)
    await team.releaseProduction(3)
    expect(team.heroku.runs(PRODUCTION)).toBe(await team.repository.head('production'))
  })

  it('is told that there is no worker, and goes on when one comes', async () => {
    const [worker] = team.running
    await worker?.stop()
    await team.query("update worker set at = now() - interval '31 seconds'")
    await team.repository.commit({ files: { 'NOTES.md': 'calmer\n' }, message: 'Note more of it' })
    await team.command(team.people.dana, '/deploy integration')
    await team.told(team.people.dana, /Release #4 .*No worker answers/s)
    await team.until(/Release #4.*No worker answers/s)
    await team.start('worker')
    await team.succeeded(4)
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
      await team.command(dana, '/deploy integration')
      await team.told(dana, 'nothing was recorded')
    } finally {
      await ask(team.databases.integration.url, `alter database ${name} allow_connections true`)
    }
    await expect.poll(() => team.query('select 1 from release'), { timeout: 20_000 }).toEqual([])
    await team.command(dana, '/deploy integration')
    await team.succeeded(1)
  })
})

/** An environment with `deploys: automatically`: a pushed commit is deployed without anybody asking for it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyOf, offers, privately } from '../support/channel.ts'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'

const PACE = { times: { heads: 150 } }
const HEAD = "select commit, state, release, told from head where environment = 'integration'"

/** What the store holds of integration's head. */
async function headOf(team: Team) {
  const [row] = await team.query<{ commit: string; state: string; release: number | null; told: string | null }>(HEAD)
  return row
}

/** Waits until the head is this commit in this state. */
function head(team: Team, commit: string | undefined, state: string) {
  return team.waitFor(`the head ${commit} to be ${state}`, async () => {
    const row = await headOf(team)
    return row?.commit === commit && row?.state === state && row
  })
}

const requests =
  "select body::json->>'actor' as actor, body::json->'data' as data from event where type = 'release_requested' order by id"

describe('deploys: automatically', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({
      pace: PACE,
      integration: (entry) => {
        entry.deploys = 'automatically'
        Object.assign(entry.migrations as object, { talk_it_over: ['destroys'] })
      },
    })
  })
  afterAll(() => team?.close())

  it('A1: only remembers what is there at the first look', async () => {
    await head(team, await team.repository.head('master'), 'remembered')
    expect(await team.query('select 1 from release')).toEqual([])
    await team.command(team.people.dana, '/deploy status')
    await team.hears(team.people.dana, 'Deploys master automatically', 'on request')
  })

  it('A2: deploys a pushed commit, requested by Signoff, and tells nobody privately', async () => {
    const sha = await team.repository.commit({ files: { 'NOTES.md': 'one\n' }, message: 'Note one' })
    await team.until.succeeded(1)
    await team.until.told(1)
    expect(team.heroku.runs(INTEGRATION)).toBe(sha)
    expect(await headOf(team)).toEqual({ commit: sha, state: 'done', release: 1, told: null })

    expect(await team.query(requests)).toEqual([
      {
        actor: 'signoff',
        data: {
          ...{ app: 'api', environment: 'integration', kind: 'deploy', head: sha },
          ...{ name: 'Signoff', right: 'deployed automatically' },
        },
      },
    ])
    expect(team.words(team.card(1))).toContain('Requested automatically')
    expect(team.thread(1).join('\n')).toContain('Requested automatically')
    expect(team.transcript()).not.toContain('<@')
    const asked = team.slack.log.map((call) => JSON.stringify(call))
    expect(asked.filter((call) => call.includes('"signoff"'))).toEqual([])
    for (const person of Object.values(team.people)) {
      expect(privately(team.slack, person).filter(({ text }) => text?.includes('#1'))).toEqual([])
    }
  })

  it('A3: is quiet while nothing is new: writes nothing and logs nothing', async () => {
    const writes = () =>
      team.query("select xmin::text, ctid::text from head union all select count(*)::text, '' from event")
    const [before, logged] = [await writes(), team.logs.length]
    await team.running[0]?.look?.()
    await team.running[0]?.look?.()
    expect(await writes()).toEqual(before)
    expect(
      team.logs.slice(logged).filter((line) => !line.includes('"level":"trace"') && !line.includes('"level":"debug"')),
    ).toEqual([])
  })

  it('A4: makes no number for a head that a person has deployed', async () => {
    await team.command(team.people.dana, '/deploy integration')
    await team.told(team.people.dana, 'nothing_to_release', '#2')
    // Somebody brings it to the remote by hand, before it is master's head: a look may come at any moment.
    await team.repository.branch('by-hand', await team.repository.head('master'))
    const sha = await team.repository.commit({
      branch: 'by-hand',
      files: { 'NOTES.md': 'two\n' },
      message: 'Note two',
    })
    await team.heroku.pushBehind(INTEGRATION, sha, team.repository.bare)
    await team.repository.branch('master', sha)
    await head(team, sha, 'done')
    expect(await team.query('select number from release order by number')).toHaveLength(2)
  })

  it('A5: says automatically in status and history', async () => {
    await team.command(team.people.lin, '/deploy status')
    expect(await team.hears(team.people.lin, 'Deploys master automatically')).not.toContain('Next:')
    await team.command(team.people.lin, '/deploy history')
    await team.hears(team.people.lin, 'requested automatically', 'Requested by dana')
  })

  it('A6: a failure mentions the authors who can be matched, and is not tried again by itself; a person plans again', async () => {
    team.heroku.failNextBuild()
    const sha = await team.repository.commit({ files: { 'NOTES.md': 'three\n' }, message: 'Note three' })
    await team.until.ended(3)
    await team.until.told(3)
    const broadcast = team.slack.messages('product').at(-1)
    expect(JSON.stringify(broadcast?.blocks)).toContain(`<@${idOf(team, 'ada')}>`)
    expect(JSON.stringify(team.card(3)?.blocks)).not.toContain('<@')
    await team.running[0]?.look?.()
    await team.running[0]?.tick?.()
    expect(await headOf(team)).toEqual({ commit: sha, state: 'done', release: 3, told: null })
    expect(await team.query('select number from release')).toHaveLength(3)

    await team.click(team.people.lin, 'plan again', 3)
    await team.until.succeeded(4)
    expect(team.heroku.runs(INTEGRATION)).toBe(sha)
    expect(team.words(team.card(4))).toContain('Requested by')
  })

  it('A7: while the environment is busy the newest head waits, and then goes alone', async () => {
    // It destroys data, so that the team has to talk it over: the release awaits that.
    const { sha } = await team.repository.addRevision({
      message: 'drop notes',
      sql: 'drop table notes',
    })
    await team.until.awaitingSignOff(5)
    const [, newest] = [await commit('four'), await commit('five')]
    await head(team, newest, 'due')
    await team.command(team.people.dana, '/deploy status')
    await team.hears(team.people.dana, 'Next:', newest.slice(0, 7))
    expect(await team.query('select number from release where number > 5')).toEqual([])
    await team.click(team.people.dana, 'cancel', 5)
    await team.until.ended(5)
    await team.until.awaitingSignOff(6)
    expect(
      await team.query(`select plan->'bound'->'source'->>'commit' as commit from release where number = 6`),
    ).toEqual([{ commit: newest }])
    expect(sha).not.toBe(newest)
    await team.command(team.people.lin, '/deploy cancel 6')
    await team.until.ended(6)
  })

  const commit = (words: string) =>
    team.repository.commit({ files: { 'NOTES.md': `${words}\n` }, message: `Note ${words}` })
})

describe('deploys: after checks', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({
      // Without the bot's tick: a head that is due wakes it, and so does a release that ends.
      pace: { ...PACE, tickEveryMs: 3_600_000 },
      integration: (entry) => {
        entry.deploys = 'after checks'
        delete entry.migrations
      },
    })
  })
  afterAll(() => team?.close())

  const commit = (words: string) =>
    team.repository.commit({ files: { 'NOTES.md': `${words}\n` }, message: `Note ${words}` })
  const build = (sha: string, state: 'SUCCESSFUL' | 'FAILED' | 'INPROGRESS', key = 'build') =>
    team.bitbucket.setStatus(sha, { state, key, name: `Tests ${key}`, url: `https://ci.example.test/${key}` })
  const toldOf = (sha: string) => team.slack.messages('product').filter((each) => keyOf(each).includes(sha))

  it('A8: waits for builds, and deploys once they have passed', async () => {
    await head(team, await team.repository.head('master'), 'remembered')
    const sha = await commit('one')
    await head(team, sha, 'builds')
    build(sha, 'INPROGRESS')
    await team.running[0]?.look?.()
    expect((await headOf(team))?.state).toBe('builds')
    build(sha, 'SUCCESSFUL')
    await team.until.succeeded(1)
    expect(team.heroku.runs(INTEGRATION)).toBe(sha)
  })

  it('A9: tells the channel once that builds failed, makes no release, and deploys when a second run passes', async () => {
    const sha = await commit('two')
    build(sha, 'INPROGRESS', 'lint')
    build(sha, 'FAILED')
    const told = await team.waitFor('the channel to be told', () => toldOf(sha).at(-1))
    expect(team.words(told)).toContain('its builds failed')
    expect(team.words(told)).toContain('/deploy api integration')
    await team.running[0]?.look?.()
    await team.running[0]?.look?.()
    expect(toldOf(sha)).toHaveLength(1)
    expect(await team.query('select 1 from release where number > 1')).toEqual([])
    expect(await team.query("select body::json->'data' as data from event where type = 'head_not_deployed'")).toEqual([
      { data: { app: 'api', environment: 'integration', commit: sha, because: 'failed' } },
    ])
    build(sha, 'SUCCESSFUL')
    build(sha, 'SUCCESSFUL', 'lint')
    await team.until.succeeded(2)
    expect(toldOf(sha)).toHaveLength(1)
  })

  it('A10: a refusal is told in the channel, to nobody privately, once for the commit', async () => {
    const sha = await commit('three')
    // The remote moves to a commit that the branch lacks.
    await team.repository.branch('astray', await team.repository.head('production'))
    const astray = await team.repository.commit({ branch: 'astray', files: { 'A.md': 'a\n' }, message: 'Go astray' })
    await team.heroku.pushBehind(INTEGRATION, astray, team.repository.bare)
    build(sha, 'SUCCESSFUL')
    await team.until.ended(3)
    await team.until.told(3)
    expect(team.words(team.card(3))).toContain('Requested automatically')
    expect(offers(team.card(3), 'plan again')).toBe(true)
    // The card is the one message: the outcome stands in its thread.
    expect(team.slack.messages('product').filter((each) => keyOf(each).startsWith('3:'))).toHaveLength(1)
    await team.running[0]?.look?.()
    await team.running[0]?.tick?.()
    expect(await team.query('select 1 from release where number > 3')).toEqual([])
    const everyone = Object.values(team.people).flatMap((person) => privately(team.slack, person))
    expect(everyone).toEqual([])
  })
})

/** The Slack id of somebody by name. */
function idOf({ slack }: Team, name: string): string {
  const found = slack.users().find((user) => user.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found.id
}

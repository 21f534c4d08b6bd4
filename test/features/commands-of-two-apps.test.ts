import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'

describe('with two apps', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ unstarted: true })
    const file = team.env.RELEASES_FILE ?? ''
    const releases = JSON.parse(await readFile(file, 'utf8')) as { apps: Record<string, unknown> }
    const remote = { name: 'web-live', url: join(team.directory, 'web.git'), platform: 'git' }
    releases.apps.web = {
      repository: 'jurispect/jurispect_web',
      git_url: team.bitbucket.gitUrl,
      environments: { live: { branch: 'master', remote, channel: '#product' } },
    }
    await writeFile(file, JSON.stringify(releases))
    await team.start('all')
  })
  afterAll(() => team?.close())

  it('an environment alone names no app, and none is guessed', async () => {
    const { lin } = team.people
    const answerTo = (command: string) => team.toldNext(lin, () => team.command(lin, command))
    expect(await answerTo('/deploy integration')).toContain('“/deploy api integration”')
    expect(await answerTo('/deploy preview live')).toContain('“/deploy preview web live”')
    expect(await answerTo('/deploy live web')).toContain('“/deploy web live”')
    expect(await team.query('select 1 from release')).toEqual([])
  })

  it('the modal has both, and an environment that the app has not is refused with those that it has', async () => {
    const { lin } = team.people
    await team.command(lin, '/deploy')
    const shown = JSON.stringify((await team.modal(lin)).blocks)
    for (const name of ['api', 'web', 'integration', 'production', 'live']) expect(shown).toContain(`"value":"${name}"`)
    expect(shown).not.toContain('initial_option')
    await team.submit(lin, { app: 'web', environment: 'production' })
    await team.told(lin, 'unknown_environment', 'live')
    expect(await team.query('select 1 from release')).toEqual([])
  })

  it('each is released by its name, at the same time', async () => {
    const { dana, lin } = team.people
    await team.command(dana, '/deploy api to integration')
    await team.command(lin, '/deploy api production')
    const numberIn = (environment: string) =>
      team.waitFor(`a release of ${environment}`, async () => {
        const sql = `select number from release where environment = '${environment}'`
        return (await team.query<{ number: number }>(sql))[0]?.number
      })
    await team.until.awaitingSignOff(await numberIn('production'))
    await team.until.succeeded(await numberIn('integration'))
    const status = await team.toldNext(lin, () => team.command(lin, '/deploy status'))
    for (const place of ['api integration', 'api production', 'web live']) expect(status).toContain(place)
  })
})

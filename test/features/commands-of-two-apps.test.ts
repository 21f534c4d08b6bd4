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
    await team.command(lin, '/deploy integration')
    await team.told(lin, 'There are several apps, so name the one that you mean: “/deploy api integration”')
    await team.command(lin, '/deploy preview live')
    await team.told(lin, '“/deploy preview web live”')
    await team.command(lin, '/deploy live web')
    await team.told(lin, 'The app comes first: “/deploy web live”')
    expect(await team.query('select 1 from release')).toEqual([])
  })

  it('the modal has both, and an environment that the app has not is refused with those that it has', async () => {
    const { lin } = team.people
    await team.command(lin, '/deploy')
    const view = await team.slack.waitFor(() => team.slack.openView(lin), { what: 'the modal' })
    const shown = JSON.stringify(view.blocks)
    for (const name of ['api', 'web', 'integration', 'production', 'live']) expect(shown).toContain(`"value":"${name}"`)
    expect(shown).not.toContain('initial_option')
    await team.submit(lin, { App: 'web', Environment: 'production' })
    const words = await team.told(lin, 'Gate: `unknown_environment`')
    expect(words).toContain('live')
    expect(await team.query('select 1 from release')).toEqual([])
  })

  it('each is released by its name, at the same time', async () => {
    const { dana, lin } = team.people
    await team.command(dana, '/deploy api to integration')
    await team.command(lin, '/deploy api production')
    await team.until(/api → production.*Awaiting sign-off/s)
    await team.slack.waitFor(() => /api integration runs/.test(team.transcript()), {
      what: 'the outcome of integration',
      timeoutMs: 30_000,
    })
    await team.command(lin, '/deploy status')
    const status = (await team.told(lin, 'Worker last seen')).replaceAll('\u00a0', ' ')
    for (const place of ['api integration', 'api production', 'web live']) expect(status).toContain(place)
  })
})

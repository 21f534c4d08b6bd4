/**
 * docs/getting-started.md, followed: its commands in a shell, against the stand-ins, up to the first releases. What a person
 * does in a browser at Slack, Bitbucket and Heroku gives tokens, which are the stand-ins' here.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { STARTS_QUICKLY } from '../support/processes.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

const run = promisify(execFile)
const PAGE = await readFile(new URL('../../docs/getting-started.md', import.meta.url), 'utf8')
const MAIN = new URL('../../bin/signoff.js', import.meta.url).pathname

/** The commands of a step, as they are written. */
function commandsOf(step: number): string {
  const [, section = ''] = PAGE.split(new RegExp(`\n## ${step}\\. .*\n`), 2)
  const block = /```sh\n([\s\S]*?)```/.exec(section)?.[1]
  if (block === undefined) throw new Error(`step ${step} has no commands`)
  return block
}

describe('docs/getting-started.md', () => {
  let team: Team
  let home: string
  let config: string
  beforeAll(async () => {
    team = await startTeam({ unstarted: true })
    home = join(team.directory, 'home')
    config = join(home, 'signoff-config')
    await mkdir(join(home, 'bin'), { recursive: true })
    const npx = join(home, 'bin', 'npx')
    await writeFile(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${MAIN}" "$@"\n`)
    await chmod(npx, 0o755)
  })
  afterAll(() => team?.close())

  const env = () => {
    const PATH = [join(home, 'bin'), process.env.PATH].join(delimiter)
    return { ...STARTS_QUICKLY, PATH, HOME: home }
  }
  const shell = (commands: string, cwd: string) => run('/bin/sh', ['-eu', '-c', commands], { cwd, env: env() })

  it('step 2 writes the files from what a checkout of the app has', async () => {
    const checkout = join(home, 'code', 'api')
    await run('git', ['clone', '--quiet', team.repository.bare, checkout])
    const git = (...args: string[]) => run('git', args, { cwd: checkout })
    await git('remote', 'set-url', 'origin', 'git@bitbucket.org:jurispect/jurispect_api.git')
    await git('remote', 'add', 'heroku-integration', `https://git.heroku.com/${INTEGRATION}.git`)
    await git('remote', 'add', 'heroku-production', `https://git.heroku.com/${PRODUCTION}.git`)
    await shell(commandsOf(2), home)
    // The team's answers to the two questions whose proposals it does not take.
    await shell('npx signoff init --checkout ~/code/api --app api --alembic alembic_users.ini --overwrite', config)
    expect(await readFile(join(config, 'releases.yml'), 'utf8')).toContain('repository: jurispect/jurispect_api')
  })

  it('steps 3 to 7: with the tokens filled in, doctor is green', async () => {
    const file = join(config, 'releases.yml')
    const written = await readFile(file, 'utf8')
    const ours = written
      .replaceAll(/( +)url: https:\/\/git\.heroku\.com\/(\S+)\.git/g, (_, indent: string, app: string) =>
        [`url: ${team.heroku.gitUrl(app)}`, 'platform: heroku', `app: ${app}`]
          .map((line) => `${indent}${line}`)
          .join('\n'),
      )
      .replace(/( +)repository: .*/, (line, indent: string) => `${line}\n${indent}git_url: ${team.bitbucket.gitUrl}`)
    await writeFile(file, ours)
    const filled = { ...team.env, RELEASES_FILE: file }
    await writeFile(
      join(config, 'signoff.env'),
      Object.entries(filled)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    for (const name of ['integration', 'production'] as const) {
      await writeFile(join(config, `.env_${name}`), `DATABASE_URL="${team.databases[name].url}"\nPGSSLMODE=disable\n`)
    }
    const { stdout } = await shell(commandsOf(7), config)
    expect(stdout).toContain('no problems in 2 environments')
    expect(stdout).not.toContain('✗')
  })

  it('steps 8 and 9: it starts, and releases to integration and to production', async () => {
    const { dana, lin, tom } = team.people
    const commands = `${commandsOf(7).split('\n')[0]}\nexec ${commandsOf(8)}`
    const service = spawn('/bin/sh', ['-eu', '-c', commands], {
      cwd: config,
      env: env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let log = ''
    service.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString()
    })
    try {
      await team.waitFor(
        () => `it to start: ${log}`,
        () => log.includes('"msg":"started"'),
      )
      await team.command(dana, '/deploy preview integration')
      await team.hears(dana, '/deploy api integration')
      await team.command(dana, '/deploy integration')
      await team.until.succeeded(1)
      await team.command(dana, '/deploy production')
      await team.until.awaitingSignOff(2)
      await team.click(lin, 'qa')
      await team.click(tom, 'approval')
      await team.until.succeeded(2)
      expect(team.heroku.runs(PRODUCTION)).toBe(await team.repository.head('production'))
    } finally {
      service.kill('SIGTERM')
      await once(service, 'exit')
    }
  })
})

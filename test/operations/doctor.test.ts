import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configurationChecks } from '../../src/operations/doctor/checks/configuration.ts'
import { clockCheck, envFileChecks, gitCheck, nodeCheck, storeChecks } from '../../src/operations/doctor/checks/host.ts'
import { isolationChecks } from '../../src/operations/doctor/checks/isolation.ts'
import { peopleChecks } from '../../src/operations/doctor/checks/people.ts'
import {
  channelAndGroupChecks,
  createSlackProbe,
  scopesOf,
  slackChecks,
} from '../../src/operations/doctor/checks/slack.ts'
import { type Check, fail, pass, runDoctor, warn } from '../../src/operations/doctor/doctor.ts'
import { createScrubber } from '../../src/operations/scrub.ts'
import type { HostIsolation } from '../../src/release/ports/migrator.ts'
import type { Environment, MigrationSettings, SignOffRules } from '../../src/release/settings.ts'
import { type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { createSlackClients } from '../../src/slack/clients.ts'
import { createDirectory } from '../../src/slack/directory.ts'
import { aMigration, digests } from '../support/builders.ts'

const scrub = createScrubber([])
const linesOf = async (checks: readonly Check[]) => (await runDoctor({ checks, scrub })).lines

const environment = (settings: Partial<Environment> = {}): Environment => ({
  app: 'api',
  name: 'production',
  branch: 'production',
  pullRequest: 'branch',
  remote: { name: 'live', url: '/srv/live.git', branch: 'master', platform: 'git' },
  migrations: [],
  channel: '#product',
  announce: 'required',
  digests: digests('0'),
  ...settings,
})
const rules = (settings: Partial<SignOffRules> = {}): SignOffRules => ({
  qa: 1,
  approvals: 1,
  requireChecks: false,
  expiresAfterMs: 86_400_000,
  ...settings,
})

describe('signoff doctor', () => {
  it('prints one line a check, in the order of the checks, and ends with 0 when none is wrong', async () => {
    const first = Promise.withResolvers<void>()
    const checks: readonly Check[] = [
      { name: 'slow', run: () => first.promise.then(() => pass('fine')) },
      {
        name: 'quick',
        run: async () => {
          first.resolve()
          return warn('strange', 'look at it')
        },
      },
    ]
    expect(await runDoctor({ checks, scrub })).toEqual({
      lines: ['✓ slow: fine', '! quick: strange → look at it'],
      exitCode: 0,
    })
  })

  it('ends with 1 when one is wrong, throws, or does not answer in time', async () => {
    const checks: readonly Check[] = [
      { name: 'a', run: async () => fail('broken', 'fix it') },
      { name: 'b', run: () => Promise.reject(new Error('fell over')) },
      { name: 'c', limitMs: 20, run: () => new Promise(() => {}) },
      { name: 'd', run: async () => pass('fine') },
    ]
    expect(await runDoctor({ checks, scrub })).toEqual({
      lines: [
        '✗ a: broken → fix it',
        '✗ b: fell over',
        '✗ c: no answer in 0.02 s → check that this host can reach it',
        '✓ d: fine',
      ],
      exitCode: 1,
    })
  })

  it('tells a check that its time is over', async () => {
    const told = Promise.withResolvers<void>()
    const look = (signal: AbortSignal) => {
      signal.addEventListener('abort', () => told.resolve())
      return new Promise<never>(() => {})
    }
    await runDoctor({ checks: [{ name: 'a', limitMs: 5, run: look }], scrub })
    await told.promise
  })

  it('prints no secret, and nothing that a terminal would obey', async () => {
    const checks: readonly Check[] = [
      {
        name: 'a',
        run: async () => fail('postgres://app:unheard@db said k3pt-quiet\u001b[2J\nnext', 'fix\u202eit'),
      },
      { name: 'b', run: () => Promise.reject(new Error(`k3pt-quiet ${'x'.repeat(2_000)}`)) },
    ]
    const { lines } = await runDoctor({ checks, scrub: createScrubber(['k3pt-quiet']) })
    expect(lines[0]).toBe('✗ a: postgres://[secret]@db said [secret] [2J next → fix it')
    expect(lines[1]).toMatch(/^✗ b: \[secret\] x+…$/)
    expect(lines[1]?.length).toBeLessThan(600)
  })
})

describe('this machine', () => {
  it('needs Node 24', async () => {
    expect(await linesOf([nodeCheck('24.1.0'), nodeCheck('26.0.0'), nodeCheck('20.20.2'), nodeCheck()])).toEqual([
      '✓ Node: 24.1.0',
      '✓ Node: 26.0.0',
      '✗ Node: 20.20.2 is too old → install Node 24 or later',
      `✓ Node: ${process.versions.node}`,
    ])
  })

  it('needs a git that previews merges', async () => {
    const saying = (printed: string) => gitCheck(async () => printed)
    const missing = gitCheck(() => Promise.reject(new Error('spawn git ENOENT')))
    const lines = await linesOf([
      saying('git version 2.39.5'),
      saying('git version 3.0.1 (Apple Git-1)'),
      saying('git version 2.37.9'),
      saying('what?'),
      missing,
      gitCheck(),
    ])
    expect(lines).toEqual([
      '✓ git: 2.39.5',
      '✓ git: 3.0.1',
      '✗ git: 2.37.9 is too old → install git 2.38 or later, which can preview merges',
      "✗ git: can't read the version of git → install git again",
      '✗ git: not found on PATH → install git',
      expect.stringMatching(/^✓ git: \d/),
    ])
  })

  it('keeps env files to itself', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'signoff-doctor-'))
    const envFile = join(directory, '.env_production')
    const checks = envFileChecks(environment({ migrations: [aMigration({ envFile })] }))
    try {
      expect(await linesOf(checks)).toEqual([
        '✗ env file api/production: the file does not exist → create it, or fix env_file in releases.yml',
      ])
      await writeFile(envFile, 'DATABASE_URL=x\n', { mode: 0o600 })
      expect(await linesOf(checks)).toEqual(['✓ env file api/production: exists, and is not readable by everyone'])
      await chmod(envFile, 0o644)
      expect(await linesOf(checks)).toEqual([
        '! env file api/production: everyone on this machine can read it → run chmod 600 on it',
      ])
    } finally {
      await rm(directory, { recursive: true })
    }
    const { envFile: _, ...withoutFile } = aMigration()
    expect(envFileChecks(environment({ migrations: [withoutFile] }))).toEqual([])
  })

  it('goes by a clock like the others’', async () => {
    const skewed = (ms: number | undefined) => clockCheck('Slack', async () => ms)
    expect(await linesOf([skewed(-800), skewed(31_000), skewed(-301_000), skewed(undefined)])).toEqual([
      '✓ clock and Slack: this clock is 0.8 s behind',
      '! clock and Slack: this clock is 31.0 s ahead → synchronize the clock (NTP)',
      '✗ clock and Slack: this clock is 301.0 s behind: requests will be refused → synchronize the clock (NTP)',
      '! clock and Slack: no time from Slack → see the check of Slack',
    ])
  })

  it('reaches the store', async () => {
    const at = (ms: number) => storeChecks({ now: async () => new Date(ms) }, () => 1_000_000)
    expect(await linesOf(at(1_000_000))).toEqual([
      '✓ store: answers',
      '✓ clock and the store: this clock is 0.0 s ahead',
    ])
    expect((await linesOf(at(940_000)))[1]).toMatch(/^! clock and the store: this clock is 60\.0 s ahead/)
    expect(await linesOf(storeChecks({ now: () => Promise.reject(new Error('no such host')) }))).toEqual([
      '✗ store: no such host → check STORE_URL, and that Postgres is running',
      '! clock and the store: no time from the store → see the check of the store',
    ])
  })
})

describe('the files of bot and worker', () => {
  const now = 1_000_000
  const worker = (configurations: Record<string, string>, ago = 5_000) => ({
    id: `w${ago}`,
    at: new Date(now - ago),
    configurations,
  })
  const both = [environment(), environment({ name: 'integration', digests: digests('1') })]
  const looked = (...workers: ReturnType<typeof worker>[]) =>
    linesOf(configurationChecks(both, { now: async () => new Date(now), workers: async () => workers }))

  it('are compared, a line an environment', async () => {
    const same = { 'api/production': digests('0').form2, 'api/integration': digests('1').form2 }
    expect(await looked(worker(same))).toEqual([
      '✓ releases.yml api/production: this host and the worker have the same entry',
      '✓ releases.yml api/integration: this host and the worker have the same entry',
    ])
    expect(await looked(worker(same), worker({ ...same, 'api/production': digests('2').form2 }, 6_000))).toEqual([
      "✗ releases.yml api/production: this host and the worker have different entries, so it can't be released → deploy the same releases.yml to both hosts, and restart both",
      '✓ releases.yml api/integration: this host and the worker have the same entry',
    ])
    expect((await looked(worker({ 'api/production': digests('0').form2 })))[1]).toMatch(
      /^✗ .*integration.*missing in the releases.yml of the worker →/,
    )
  })

  it('are compared in the form that each worker gives: those of the first edition give the first', async () => {
    const first = { 'api/production': digests('0').form1, 'api/integration': digests('2').form1 }
    expect((await looked(worker(first))).map((line) => line[0])).toEqual(['✓', '✗'])
  })

  it('are not compared with what a worker had that is gone', async () => {
    expect((await looked(worker({}, 31_000)))[0]).toBe(
      '! releases.yml api/production: no worker is running, so its releases.yml is not compared → start a worker',
    )
  })
})

describe('Slack', () => {
  let slack: SlackWorkspace
  afterEach(() => slack.close())

  const probe = (token = slack.botToken, appToken: string | undefined = slack.appToken) =>
    createSlackProbe({ token, apiUrl: slack.apiUrl, ...(appToken === undefined ? {} : { appToken }) })

  it('takes the tokens, gives the scopes and tells its time', async () => {
    slack = await startSlackWorkspace({ scopes: ['chat:write', 'commands'] })
    expect(await linesOf(slackChecks(probe(), ['commands', 'chat:write']))).toEqual([
      '✓ Slack: @signoff in Sandbox',
      '✓ Slack scopes: exactly the 2 that are needed',
      '✓ Slack Socket Mode: can connect',
      expect.stringMatching(/^✓ clock and Slack: this clock is [01]\.\d s /),
    ])
  })

  it('is told apart by scopes that miss and scopes that nobody uses', async () => {
    slack = await startSlackWorkspace({ scopes: ['chat:write', 'admin'] })
    expect((await linesOf(slackChecks(probe(), ['chat:write', 'users:read'])))[1]).toBe(
      '✗ Slack scopes: missing: users:read → update the app from manifest.yml and reinstall it',
    )
    expect((await linesOf(slackChecks(probe(), ['chat:write'])))[1]).toBe(
      '! Slack scopes: not used: admin → remove them from the app and reinstall it',
    )
    expect((await linesOf(slackChecks(probe(), ['chat:write', 'im:history'])))[1]).toMatch(
      /^! Slack scopes: without im:history .*not sent again → update the app from manifest.yml and reinstall it$/,
    )
  })

  it('refuses wrong tokens, which are not printed', async () => {
    slack = await startSlackWorkspace()
    const lines = await linesOf(slackChecks(probe('xoxb-wrong-one', 'xapp-wrong-one'), ['commands']))
    expect(lines.slice(0, 3)).toEqual([
      '✗ Slack: Slack returned invalid_auth → set SLACK_BOT_TOKEN to a valid token',
      '! Slack scopes: unknown, because Slack does not accept the token → see the check of Slack',
      '✗ Slack Socket Mode: Slack returned invalid_auth → set SLACK_APP_TOKEN to a valid token',
    ])
    expect(lines.join()).not.toContain('wrong-one')
  })

  it('is not asked for a socket in HTTP mode, and may be away', async () => {
    slack = await startSlackWorkspace()
    const http = createSlackProbe({ token: slack.botToken, apiUrl: slack.apiUrl })
    expect((await linesOf(slackChecks(http, [])))[2]).toBe('✓ Slack Socket Mode: not used in HTTP mode')
    slack.down()
    expect((await linesOf(slackChecks(probe(), [])))[0]).toBe(
      '✗ Slack: Slack does not answer → check SLACK_API_URL, and that this host can reach it',
    )
  })

  it('is compared with the scopes of the manifest', () => {
    expect(scopesOf('oauth_config: { scopes: { bot: [chat:write, commands] } }')).toEqual(['chat:write', 'commands'])
    expect(() => scopesOf('a: 1')).toThrow('has no bot scopes')
  })
})

describe('people and places', () => {
  let slack: SlackWorkspace
  beforeEach(async () => {
    slack = await startSlackWorkspace()
    for (const name of ['ann', 'ben', 'cyd']) slack.addUser({ id: `U0${name.toUpperCase()}`, name })
    slack.addUser({ id: 'U0BOT', name: 'bot', bot: true })
    slack.addUser({ id: 'U0GUEST', name: 'guest', guest: 'single' })
  })
  afterEach(() => slack.close())

  const directory = () => {
    const { interactive } = createSlackClients({ token: slack.botToken, apiUrl: slack.apiUrl })
    return createDirectory(interactive, slack.teamId)
  }
  const peopleLine = async (settings: Partial<SignOffRules>) =>
    (await linesOf(peopleChecks(environment({ signOff: rules(settings) }), directory())))[0]

  it('names channels that the bot is not in, and groups that are not there', async () => {
    slack.addChannel({ name: 'product' })
    slack.addChannel({ name: 'ops', botIsMember: false })
    slack.addGroup({ handle: 'qa', users: ['U0ANN'] })
    const environments = [
      environment({ signOff: rules({ qaBy: ['@qa'], approvers: ['@nobody'] }) }),
      environment({ name: 'integration', channel: '#ops' }),
      environment({ name: 'staging', channel: '#lost' }),
      environment({ name: 'other' }),
    ]
    const { lines, exitCode } = await runDoctor({ checks: channelAndGroupChecks(environments, directory()), scrub })
    expect(lines).toEqual([
      '✓ channel #product: the bot is a member',
      '✗ channel #ops: the bot is not in it, or there is no such channel → type /invite @Signoff in #ops, or fix channel in releases.yml',
      '✗ channel #lost: the bot is not in it, or there is no such channel → type /invite @Signoff in #lost, or fix channel in releases.yml',
      '✗ user group @nobody: there is no such group; it may have been renamed → fix its handle in releases.yml, or create it in Slack',
      '✓ user group @qa: 1 member',
    ])
    expect(exitCode).toBe(1)
  })

  it('S11: tells groups that are empty, disabled or renamed', async () => {
    slack.addGroup({ handle: 'empty', users: [] })
    slack.addGroup({ handle: 'off', users: ['U0ANN'] })
    slack.addGroup({ handle: 'old', users: ['U0ANN'] })
    slack.changeGroup('off', { isDisabled: true })
    slack.changeGroup('old', { handle: 'new' })
    const approvers = ['@empty', '@off', '@old']
    const checks = channelAndGroupChecks([environment({ signOff: rules({ approvers }) })], directory(), 'relbot')
    expect((await linesOf(checks)).slice(1)).toEqual([
      '✗ user group @empty: it has no members → add people to it in Slack',
      '✗ user group @off: it is disabled → enable it in Slack, or name another in releases.yml',
      '✗ user group @old: there is no such group; it may have been renamed → fix its handle in releases.yml, or create it in Slack',
    ])
    expect((await linesOf(checks))[0]).toContain('/invite @relbot')
  })

  it('are enough when one more may approve than must', async () => {
    slack.addGroup({ handle: 'leads', users: ['U0ANN', 'U0BEN'] })
    expect(await peopleLine({ approvers: ['@leads'] })).toBe(
      '✓ people api/production: every full member may confirm QA; at least 2 people may approve; at least 1 person may start an emergency release',
    )
  })

  it('are just enough when those who may approve can’t ask themselves', async () => {
    slack.addGroup({ handle: 'leads', users: ['U0ANN'] })
    expect(await peopleLine({ approvers: ['@leads', 'U0ANN'] })).toBe(
      '! people api/production: 1 person may approve, so none of them can request a release and get it approved → add one more person to approvers',
    )
  })

  it('are too few when only bots and guests are left', async () => {
    slack.addGroup({ handle: 'leads', users: ['U0ANN', 'U0BOT', 'U0GUEST'] })
    slack.addGroup({ handle: 'qa', users: ['U0BOT'] })
    expect(await peopleLine({ approvals: 2, approvers: ['@leads'], qaBy: ['@qa'] })).toBe(
      '✗ people api/production: 0 people may confirm QA, 1 needed; 1 person may approve, 2 needed → add people to qa_by; add people to approvers',
    )
  })

  it('are not judged while Slack does not tell', async () => {
    slack.fault({ kind: 'error', method: 'usergroups.list', error: 'fatal_error', times: Number.POSITIVE_INFINITY })
    expect(await peopleLine({ approvers: ['@leads'] })).toMatch(/^! .*Slack did not return everyone in approvers/)
    slack.clearFaults()
  })

  it('are few calls in a large group', async () => {
    const users = Array.from({ length: 80 }, (_, index) => slack.addUser({ name: `p${index}` }).id)
    slack.addGroup({ handle: 'leads', users })
    expect(await peopleLine({ approvers: ['@leads'] })).toMatch(/^✓ /)
    expect(slack.log.filter(({ method }) => method === 'users.info').length).toBeLessThan(5)
  })

  it('are not counted where nobody has to sign', () => {
    expect(peopleChecks(environment(), directory())).toEqual([])
  })
})

describe("M3: the isolation of the app's code", () => {
  const WORKS: HostIsolation = { kind: 'bubblewrap', cutsNetwork: true }
  const looked = (found: HostIsolation, ...policies: MigrationSettings['isolation'][]) =>
    linesOf(
      isolationChecks(
        [environment({ migrations: policies.map((isolation) => aMigration({ isolation })) })],
        async () => found,
      ),
    )

  it('is what was found by trying, or a warning with what is missing', async () => {
    expect(await looked(WORKS, 'auto')).toEqual(["✓ isolation of the app's code: bubblewrap works"])
    const shared = { ...WORKS, cutsNetwork: false, missing: 'bwrap: loopback: Failed RTM_NEWADDR' }
    expect(await looked(shared, 'auto')).toEqual([expect.stringContaining('previews have network: bwrap: loopback')])
    const missing = 'bubblewrap is not installed'
    expect(await looked({ kind: 'other user', cutsNetwork: false, missing }, 'required')).toEqual([
      expect.stringMatching(/^! .*by another user only, without bubblewrap: bubblewrap is not installed → install/),
    ])
    const none = { kind: 'none', cutsNetwork: false, missing } as const
    expect(await looked(none, 'auto')).toEqual([expect.stringMatching(/^! .*can read its secrets \(bubblewrap is/)])
    expect(await looked(none, 'auto', 'required')).toEqual([expect.stringMatching(/^✗ /)])
  })

  it('is not looked for where no code of the app runs, or nobody wants it', async () => {
    const unasked = () => Promise.reject(new Error('asked'))
    expect(isolationChecks([environment()], unasked)).toEqual([])
    const off = environment({ migrations: [aMigration({ isolation: 'off' })] })
    expect(isolationChecks([off], unasked)).toEqual([])
  })
})

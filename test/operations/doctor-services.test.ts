import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { bitbucketLimits } from '../../src/adapters/bitbucket/words.ts'
import { createGit } from '../../src/adapters/git/git.ts'
import { createGitRemote } from '../../src/adapters/git-remote/git-remote.ts'
import { herokuLimits } from '../../src/adapters/heroku/words.ts'
import { doctorChecks } from '../../src/operations/doctor/checks/all.ts'
import { createMigrationStatusReader, migratorChecks } from '../../src/operations/doctor/checks/migrations.ts'
import { forgeChecks, platformChecks, remoteChecks } from '../../src/operations/doctor/checks/services.ts'
import { type Check, runDoctor } from '../../src/operations/doctor/doctor.ts'
import { createScrubber } from '../../src/operations/scrub.ts'
import type { Answer } from '../../src/release/ports/answers.ts'
import type { BranchRules, Forge } from '../../src/release/ports/forge.ts'
import type { MigrationStatus } from '../../src/release/ports/migrator.ts'
import type { Platform } from '../../src/release/ports/platform.ts'
import type { App, Environment } from '../../src/release/settings.ts'
import { createAppRepository } from '../../src/sandbox/app-repository.ts'
import { aMigration, anEnvironment, SERVICES } from '../support/builders.ts'
import { createGitRepositories } from '../support/git-repository.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython } from '../support/real-alembic.ts'

const linesOf = async (checks: readonly Check[], secrets: readonly string[] = []) =>
  (await runDoctor({ checks, scrub: createScrubber(secrets) })).lines

const appOf = (gitUrl: string, ...environments: readonly Environment[]): App => ({
  name: 'api',
  repository: 'jurispect/api',
  gitUrl,
  environments,
})

const onGit = (url: string, settings: Partial<Environment> = {}) =>
  anEnvironment({ remote: { name: 'live', url, branch: 'main', platform: 'git' }, ...settings })

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let git: ReturnType<typeof createGit>
beforeEach(async () => {
  repositories = await createGitRepositories()
  git = createGit({ mirrors: join(repositories.directory, 'mirrors'), credentials: () => undefined })
})
afterEach(async () => {
  await git.close()
  await repositories.close()
})

const unused = () => Promise.reject(new Error('the doctor changes nothing'))
const forge = (answers: Partial<Forge>): Forge => ({
  words: SERVICES.forge,
  limits: bitbucketLimits,
  findPullRequest: async () => ({ ok: true, value: undefined }),
  branchRules: async () => ({ ok: true, value: { push: { is: 'allowed' }, merge: { is: 'allowed' } } }),
  mergeRequirements: unused,
  openPullRequests: async () => ({ ok: true, value: [] }),
  createPullRequest: unused,
  pullRequest: unused,
  merge: unused,
  decline: unused,
  findComment: unused,
  comment: unused,
  checks: unused,
  ...answers,
})
const platforms = (releases: Platform['releases'] = unused) => ({
  heroku: { words: SERVICES.platforms.heroku, limits: herokuLimits, releases, confirm: unused, releaseAgain: unused },
  git: createGitRemote({ git, settings: SERVICES.forge.settings }),
})

describe('repositories and remotes', () => {
  it('answer with what they hold, or are listed with the fix', async () => {
    const origin = await repositories.repository('origin')
    const live = await repositories.repository('live')
    const head = await origin.commit('first')
    await live.commit('first', { branch: 'main' })
    const app = appOf(
      origin.directory,
      onGit(live.directory, { name: 'integration', branch: 'master' }),
      onGit(origin.directory, { name: 'staging', branch: 'master' }),
      onGit(join(repositories.directory, 'gone.git')),
    )
    expect(await linesOf(remoteChecks(app, { git, forge: forge({}), platforms: platforms() }))).toEqual([
      '✗ repository api: has no branch production → create it, or fix branch in releases.yml',
      `✓ remote api/integration: live has ${head.slice(0, 12)}`,
      '✓ remote api/staging: live answers; it has no main yet, the first release creates it',
      expect.stringMatching(/^✗ remote api\/production: .* → (?:see|check) /),
    ])
  })
})

describe('services', () => {
  const refused = { ok: false, failure: 'refused', detail: '401' } as const
  const away = { ok: false, failure: 'unreachable', detail: 'ECONNREFUSED' } as const
  const app = appOf('/srv/origin.git', anEnvironment(), anEnvironment({ name: 'integration' }))
  const [production = anEnvironment()] = app.environments

  it('of Bitbucket: the token, and the rules that can be read', async () => {
    const one = appOf('/srv/origin.git', production)
    expect(await linesOf(forgeChecks(one, forge({})))).toEqual([
      '✓ Bitbucket api: can read the pull requests of jurispect/api',
      '✓ Bitbucket branch production of api: no visible branch permission forbids merges by Signoff',
      '✓ hot-fixes api/production: no visible branch permission forbids pushes by Signoff to production',
    ])
    const forbidding = forge({
      findPullRequest: async () => refused,
      branchRules: async () => ({
        ok: true,
        value: {
          merge: { is: 'forbidden', rule: 'restrict_merges on production: nobody may merge' },
          push: { is: 'forbidden', rule: 'push on production: nobody may push' },
        },
      }),
    })
    expect(await linesOf(forgeChecks(one, forbidding))).toEqual([
      '✗ Bitbucket api: refuses the credentials: 401 → check BITBUCKET_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN, and that it may read jurispect/api',
      "✗ Bitbucket branch production of api: restrict_merges on production: nobody may merge, so production can't be released → allow the user of Signoff to merge in the branch permissions",
      '✓ hot-fixes api/production: push on production: nobody may push, so hot-fixes go by pull request',
    ])
  })

  it('W7: of Bitbucket: what a merge needs, how it can be merged, and the right that the token lacks', async () => {
    const one = appOf('/srv/origin.git', production)
    const allowed = { push: { is: 'allowed' }, merge: { is: 'allowed' } } as const
    const told = async (rules: Partial<BranchRules>) => {
      const answers = { branchRules: async () => ({ ok: true, value: { ...allowed, ...rules } }) as const }
      return (await linesOf(forgeChecks(one, forge(answers))))[1]
    }
    const methods = (names: readonly string[], fastForward: boolean) => ({
      methods: { mergeCommit: false, fastForward, names },
    })
    expect([
      await told({ asks: ['require_approvals_to_merge (2)', 'require_tasks_to_be_completed'] }),
      await told(methods(['fast_forward'], true)),
      await told(methods(['squash'], false)),
      await told({ unreadable: 'repository:admin' }),
    ]).toMatchInlineSnapshot(`
      [
        "✓ Bitbucket branch production of api: no visible branch permission forbids merges by Signoff; a merge needs require_approvals_to_merge (2), require_tasks_to_be_completed",
        "✓ Bitbucket branch production of api: no visible branch permission forbids merges by Signoff",
        "✗ Bitbucket branch production of api: merges only by squash, which can't be previewed, so production can't be released → allow merge commits or fast-forwards for the branch at Bitbucket",
        "! Bitbucket branch production of api: the token may not read the branch's rules and merge checks: it lacks repository:admin → give the token repository:admin, so that cards show what Bitbucket asks for; releases work without it",
      ]
    `)
  })

  it('of Heroku: the key', async () => {
    const telling = (answer: Awaited<ReturnType<Platform['releases']>>) => platforms(async () => answer)
    const last = { id: '1', version: 42, status: 'succeeded', current: true } as const
    expect([
      ...(await linesOf(platformChecks(production, telling({ ok: true, value: [last] })))),
      ...(await linesOf(platformChecks(production, telling(away)))),
      ...(await linesOf(platformChecks(onGit('/srv/live.git'), telling(away)))),
    ]).toEqual([
      '✓ Heroku complianceai-api-production: answers; its last release is v42',
      '✗ Heroku complianceai-api-production: does not answer: ECONNREFUSED → check that this host can reach it',
    ])
  })

  it('W25: name the app or the repository first, where the credentials do not see it', async () => {
    const notFound = { ok: false, failure: 'wrong', detail: 'Heroku answered 404', denied: 'not found' } as const
    const noAccess = { ok: false, failure: 'refused', detail: 'Heroku answered 403', denied: 'no access' } as const
    const missing = { ...notFound, detail: 'Bitbucket answered 404' }
    const one = appOf('https://bitbucket.org/jurispect/api.git', production)
    const fails = (answer: typeof notFound | typeof noAccess) => ({ ...git, heads: async () => answer })
    const asked = (answer: typeof notFound | typeof noAccess) => ({
      git: fails(answer),
      forge: forge({}),
      platforms: platforms(),
    })
    expect([
      ...(await linesOf(
        platformChecks(
          production,
          platforms(async () => notFound),
        ),
      )),
      ...(await linesOf(
        platformChecks(
          production,
          platforms(async () => noAccess),
        ),
      )),
      ...(await linesOf(remoteChecks(one, asked(notFound)))),
      ...(await linesOf(remoteChecks(one, asked(noAccess)))).slice(1),
      ...(await linesOf(forgeChecks(one, forge({ findPullRequest: async () => missing })))).slice(0, 1),
    ]).toEqual([
      '✗ Heroku complianceai-api-production: complianceai-api-production was not found: Heroku answered 404 → check remote.app in releases.yml first; if it is right, see HEROKU_API_KEY, and that its user is a collaborator of complianceai-api-production',
      '✗ Heroku complianceai-api-production: no access to complianceai-api-production: Heroku answered 403 → check remote.app in releases.yml first; if it is right, see HEROKU_API_KEY, and that its user is a collaborator of complianceai-api-production',
      '✗ repository api: https://bitbucket.org/jurispect/api.git was not found: Heroku answered 404 → check repository in releases.yml first; if it is right, check BITBUCKET_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN',
      '✗ remote api/production: complianceai-api-production was not found: Heroku answered 404 → check remote.url in releases.yml first; if it is right, see HEROKU_API_KEY',
      '✗ remote api/production: no access to complianceai-api-production: Heroku answered 403 → check remote.url in releases.yml first; if it is right, see HEROKU_API_KEY',
      '✗ Bitbucket api: jurispect/api was not found: Bitbucket answered 404 → check repository in releases.yml first; if it is right, check BITBUCKET_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN, and that it may read jurispect/api',
    ])
  })

  it('W23: name the status page where Heroku’s git refuses the key that its API takes', async () => {
    const one = appOf('/srv/origin.git', production)
    const refusing = { ...git, heads: async () => refused }
    const told = async (api: Awaited<ReturnType<Platform['releases']>>) =>
      (await linesOf(remoteChecks(one, { git: refusing, forge: forge({}), platforms: platforms(async () => api) })))[1]
    expect(await told({ ok: true, value: [] })).toBe(
      "✗ remote api/production: refuses the credentials, which Heroku's API accepts: 401 → Heroku's git may have an incident, see https://status.heroku.com; else see HEROKU_API_KEY",
    )
    expect(await told(refused)).toBe('✗ remote api/production: refuses the credentials: 401 → see HEROKU_API_KEY')
  })

  it('are all looked at by the roles that use them, in one order', () => {
    const worker = {
      git,
      forge: forge({}),
      platforms: { ...platforms(), heroku: undefined },
      migrator: { words: SERVICES.migrator },
      readMigrationStatus: async () => away,
    }
    const store = { now: async () => new Date(), workers: async () => [] }
    expect(
      doctorChecks({ apps: [app], places: [{ name: 'DATA_DIR/pg', path: '/' }], store, worker }).map(
        ({ name }) => name,
      ),
    ).toEqual([
      'Node',
      'git',
      'disk',
      'store',
      'clock and the store',
      'releases.yml api/production',
      'releases.yml api/integration',
      'env file api/production',
      'env file api/integration',
      'repository api',
      'remote api/production',
      'remote api/integration',
      'Bitbucket api',
      'Bitbucket branch production of api',
      'Bitbucket branch production of api',
      'hot-fixes api/production',
      'hot-fixes api/integration',
      'alembic api/production',
      'alembic api/integration',
    ])
    const directory = {
      person: unused,
      groupMembers: unused,
      lookUpGroup: unused,
      channel: unused,
      permalink: unused,
    }
    const slack = { identity: async () => away, socket: async () => undefined }
    expect(
      doctorChecks({ apps: [app], places: [], store, bot: { slack, scopes: [], directory } }).map(({ name }) => name),
    ).toEqual([
      'Node',
      'store',
      'clock and the store',
      'releases.yml api/production',
      'releases.yml api/integration',
      'Slack',
      'Slack scopes',
      'Slack Socket Mode',
      'clock and Slack',
      'channel #product',
      'user group @release-approvers',
      'people api/production',
      'people api/integration',
    ])
  })

  it('M14, M2: of alembic: what its status tells', async () => {
    const words = SERVICES.migrator
    const status = (value: Partial<MigrationStatus>) => ({
      words,
      readStatus: async (): Promise<Answer<{ status: { ok: true; value: MigrationStatus } }>> => ({
        ok: true,
        value: {
          status: {
            ok: true,
            value: { identity: 'db:5432/app', heads: [], current: [], unknown: [], pending: [], ...value },
          },
        },
      }),
    })
    const head = (revision: string) => ({ revision, file: `${revision}.py` })
    expect([
      ...(await linesOf(migratorChecks(app, production, status({ heads: [head('a1'), head('b2')] })))),
      ...(await linesOf(migratorChecks(app, production, status({ unknown: ['c3'] })))),
      ...(await linesOf(migratorChecks(app, production, status({ hasOtherTimeLimits: true })))),
      ...(await linesOf(migratorChecks(app, production, status({ skippedWrites: ['CREATE SCHEMA x'] })))),
      ...(await linesOf(
        migratorChecks(app, production, {
          ...status({}),
          problemOf: async (program) => `there is no program ${program}`,
        }),
      )),
      ...(await linesOf(migratorChecks(app, production, { words, readStatus: async () => away }))),
    ]).toEqual([
      '✗ alembic api/production: several heads: a1, b2 → merge the heads (alembic merge)',
      '✗ alembic api/production: the database has c3, which the branch does not have → update the branch',
      "! alembic api/production: the app's env.py sets its own time limits, so lock_timeout and statement_timeout have no effect → remove lock_timeout and statement_timeout from its connection, so that a waiting migration can’t stop all traffic",
      '! alembic api/production: env.py writes whenever it is run, which a look prevents: CREATE SCHEMA x → move that into a revision',
      '✗ alembic api/production: there is no program alembic → install it, or fix migrations.alembic in releases.yml',
      '✗ alembic api/production: does not answer: ECONNREFUSED → check that this host can reach it',
    ])
    expect(migratorChecks(app, anEnvironment({ migrations: [] }), status({}))).toEqual([])
  })
})

const python = await alembicPython()

describe.skipIf(python === undefined)('the app’s own alembic', () => {
  let server: TestPostgres
  let database: TestDatabase
  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    database = await server.createDatabase()
  })
  afterEach(() => database.drop())

  it('reads its revisions in a checkout of its own, which is gone afterwards', async () => {
    const bare = join(repositories.directory, 'app.git')
    await createAppRepository({ bare })
    const envFile = join(repositories.directory, '.env_integration')
    const { password } = new URL(database.url)
    const directory = join(repositories.directory, 'checkouts')
    const environment = onGit(bare, {
      branch: 'master',
      migrations: [aMigration({ envFile })],
    })
    const app = appOf(bare, environment)
    const readStatus = createMigrationStatusReader({
      git,
      migrator: createMigrations({ scrub: (line) => line }),
      directory,
    })
    const lines = () => linesOf(migratorChecks(app, environment, { words: SERVICES.migrator, readStatus }), [password])

    await mkdir(directory)
    await writeFile(envFile, `DATABASE_URL=${database.url}\n`, { mode: 0o600 })
    expect(await lines()).toEqual([
      expect.stringMatching(/^✓ alembic api\/production: can read the revisions; \d pending$/),
    ])

    const wrongUrl = new URL(database.url)
    wrongUrl.password = 'rotated-away'
    await writeFile(envFile, `DATABASE_URL=${wrongUrl.href}\n`)
    const [refused = ''] = await lines()
    expect(refused).toMatch(
      /^✗ alembic .*the database refuses the login.* → update env_file; the password may have been rotated/,
    )
    expect(refused).not.toContain('rotated-away')
    expect(await readdir(directory)).toEqual([])
  })
})

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AppRepository, createAppRepository } from '../../src/sandbox/app-repository.ts'
import { git } from '../../src/sandbox/bare-git.ts'

const run = promisify(execFile)

describe('the sample application', () => {
  let directory: string
  let app: AppRepository

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'signoff-app-'))
    app = await createAppRepository({ bare: join(directory, 'app.git') })
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  const checkout = async (sha: string, name: string) => {
    const target = join(directory, name)
    await mkdir(target)
    await git(app.bare, ['--work-tree', target, 'read-tree', '--reset', sha])
    await git(app.bare, ['--work-tree', target, 'checkout-index', '--all', '--force'])
    return target
  }

  const alembic = (cwd: string, args: string[], databaseUrl?: string, config = 'alembic_users.ini') =>
    run('alembic', ['-c', config, ...args], {
      cwd,
      env: { PATH: process.env.PATH ?? '', ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) },
    })

  it('has a dozen commits by three people, with production behind master by a merge', async () => {
    const log = (await git(app.bare, ['log', '--format=%an', 'master'])).stdout.trim().split('\n')
    expect(log).toHaveLength(12)
    expect(new Set(log).size).toBe(3)
    const parents = (await git(app.bare, ['rev-list', '--parents', '-1', 'production'])).stdout.trim().split(' ')
    expect(parents).toHaveLength(3)
    expect((await git(app.bare, ['rev-list', '--count', 'production..master'])).stdout.trim()).toBe('4')
    expect((await git(app.bare, ['fsck', '--strict'])).code).toBe(0)
  })

  it('has the same commits each time it is created', async () => {
    const again = await createAppRepository({ bare: join(directory, 'again.git') })
    expect(await again.head('master')).toBe(await app.head('master'))
    expect(await again.head('production')).toBe(await app.head('production'))
  })

  it('has migrations that alembic can run, with the address from the environment or from .env', async () => {
    const target = await checkout(await app.head('master'), 'checkout')
    const sql = (await alembic(target, ['upgrade', 'head', '--sql'], 'postgres://nobody@127.0.0.1:1/none')).stdout
    expect(sql).toContain('CREATE TABLE users')
    expect(sql).toContain('ALTER TABLE documents ADD COLUMN language text')

    await expect(alembic(target, ['upgrade', 'head', '--sql'])).rejects.toThrow('DATABASE_URL is not set')
    await writeFile(join(target, '.env'), "# the database\nexport DATABASE_URL='postgres://nobody@127.0.0.1:1/none'\n")
    const fromFile = await alembic(target, ['upgrade', 'head', '--sql'])
    expect(fromFile.stdout).toBe(sql)
    expect(fromFile.stderr).toContain('Running upgrade')
    const heads = async (config: string) => (await alembic(target, ['heads'], undefined, config)).stdout.trim()
    expect(await heads('alembic_users.ini')).toBe(`${await app.headRevision()} (head)`)
    expect(await heads('alembic_search.ini')).toBe(`${await app.headRevision('master', 'search')} (head)`)
  })

  it('is opened unchanged if it exists', async () => {
    const sha = await app.commit({ branch: 'topic', files: { topic: '1' }, message: 'Topic' })
    const opened = await createAppRepository({ bare: app.bare })
    expect(await opened.head('topic')).toBe(sha)
    const added = await opened.addRevision({ branch: 'production', message: 'add a', sql: 'SELECT 1' })
    expect(await opened.headRevision('production')).toBe(added.revision)
    expect(await opened.headRevision('topic')).toBeUndefined()
  })

  it('lets a test add commits, migrations, merges and picks', async () => {
    const other = await createAppRepository({ bare: join(directory, 'other.git') })
    const before = await other.head('master')
    const fix = await other.commit({ files: { 'api/fix.py': 'FIXED = True\n' }, message: 'Fix it' })
    const parent = (await git(other.bare, ['rev-parse', `${fix}^`])).stdout.trim()
    expect([await other.head('master'), parent]).toEqual([fix, before])

    const drop = await other.addRevision({ message: 'Drop body', sql: 'ALTER TABLE documents DROP COLUMN body' })
    expect((await git(other.bare, ['show', `${drop.sha}:${drop.path}`])).stdout).toContain(
      `revision = '${drop.revision}'`,
    )

    const picked = await other.cherryPick({ sha: fix, onto: 'production' })
    expect((await git(other.bare, ['diff', '--name-only', `${picked}^`, picked])).stdout).toBe('api/fix.py\n')
    const merge = await other.merge({ from: 'master', into: 'production' })
    expect((await git(other.bare, ['log', '-1', '--format=%P', merge])).stdout.trim()).toBe(`${picked} ${drop.sha}`)
    expect((await git(other.bare, ['diff', 'master', 'production'])).stdout).toBe('')

    await other.commit({ branch: 'production', files: { Procfile: 'web: a\n' }, message: 'One way' })
    await other.commit({ files: { Procfile: 'web: b\n' }, message: 'Another way' })
    await expect(other.merge({ from: 'master', into: 'production' })).rejects.toThrow('conflicts in Procfile')
  })
})

import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import type { LockWait } from '../../src/release/ports/migrator.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, type TestApp, writeTestApp } from '../support/real-alembic.ts'

const python = await alembicPython()

describe.skipIf(python === undefined)('an upgrade that waits for a lock', () => {
  let server: TestPostgres
  let database: TestDatabase
  let app: TestApp
  let holder: pg.Client
  beforeAll(async () => {
    server = await startTestPostgres()
    database = await server.createDatabase()
    app = await writeTestApp(database.url, [{ id: 'aaa111', upgrade: "op.execute('ALTER TABLE users ADD age int')" }])
    holder = new pg.Client({ connectionString: database.url, application_name: 'nightly report' })
    holder.on('error', () => undefined)
    await holder.connect()
    await holder.query('CREATE TABLE users (id int)')
  })
  afterEach(() => holder.query('ROLLBACK'))
  afterAll(async () => {
    await holder?.end()
    await app?.remove()
    await database?.drop()
  })
  const migrations = createMigrations({ scrub: (line) => line })

  it('tells that the lock was not free in time, and says nothing of short waits', async () => {
    await holder.query('BEGIN; LOCK TABLE users')
    const waits: LockWait[] = []
    const answer = await migrations.upgrade(app.migration({ lockTimeout: '500ms' }), app.checkout, {
      onWait: (wait) => waits.push(wait),
    })
    expect(answer).toMatchObject({ upgrade: 'failed', lockTimeout: true, revision: 'aaa111' })
    expect(waits).toEqual([])
  })

  it('tells once who holds it, without what that one asks, and goes on when it is free', async () => {
    await holder.query("BEGIN; LOCK TABLE users; SELECT 'private words'")
    const waits: LockWait[] = []
    const answer = await migrations.upgrade(app.migration({ lockTimeout: '30s' }), app.checkout, {
      onWait(wait) {
        waits.push(wait)
        setTimeout(() => void holder.query('ROLLBACK'), 1_200)
      },
    })
    expect(answer).toMatchObject({ upgrade: 'done' })
    expect(waits).toEqual([
      {
        waitedMs: expect.closeTo(3_500, -3.5),
        holders: [
          {
            application: 'nightly report',
            openMs: expect.any(Number),
            queryStart: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          },
        ],
      },
    ])
    expect(waits[0]?.waitedMs).toBeGreaterThanOrEqual(3_000)
    expect(waits[0]?.holders[0]?.openMs).toBeGreaterThanOrEqual(3_000)
    expect(JSON.stringify(waits)).not.toContain('private')
  })

  it('fails at the time limit of one statement too, which is no matter of locks', async () => {
    const slow = await writeTestApp(database.url, [
      { id: 'aaa111', upgrade: 'pass' },
      { id: 'bbb222', upgrade: "op.execute('SELECT pg_sleep(20)')" },
    ])
    const answer = await migrations.upgrade(slow.migration({ statementTimeout: '300ms' }), slow.checkout)
    await slow.remove()
    expect(answer).toMatchObject({ upgrade: 'failed', revision: 'bbb222' })
    expect(answer).not.toHaveProperty('lockTimeout')
    expect(answer.output.join('\n')).toContain('statement timeout')
  })
})

import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { ALEMBIC, alembicPython } from '../support/real-alembic.ts'
import { expectSame, type Outcome, outcomeOf } from './alembic-outcome.ts'
import { COMMITS, ENVIRONMENTS, READS, STATEMENTS } from './alembic-set-ups.ts'

const python = await alembicPython()
const program = ALEMBIC ?? { path: 'alembic', python: 'python3' }
const has = (module: string) => {
  try {
    execFileSync(python ?? 'python3', ['-c', `import ${module}`], { stdio: 'pipe' })
    return true
  } catch {
    console.warn(`skipped: a set-up needs the Python module ${module}`)
    return false
  }
}

describe
  .skipIf(python === undefined)
  .concurrent('small set-ups, planned, previewed and upgraded as alembic does', () => {
    let server: TestPostgres
    beforeAll(async () => {
      server = await startTestPostgres()
    })
    afterAll(() => server.stop())

    for (const setUp of ENVIRONMENTS) {
      it.skipIf(setUp.needs !== undefined && !has(setUp.needs))(setUp.name, async ({ expect }) => {
        const outcome = await outcomeOf(server, setUp, program)
        for (const revision of setUp.revisions) expectSame(expect, outcome, revision)
        expect(outcome.ours).toEqual(outcome.alembics)
        expect(outcome.status.pending.map(({ revision }) => revision)).toEqual(setUp.revisions.map(({ id }) => id))
      })
    }

    for (const setUp of [STATEMENTS, READS, COMMITS]) {
      describe.concurrent(setUp.name, () => {
        let found: Promise<Outcome> | undefined
        const outcome = () => {
          found ??= outcomeOf(server, setUp, program)
          return found
        }
        for (const revision of setUp.revisions) {
          it(revision.id.slice(4).replaceAll('_', ' '), async ({ expect }) =>
            expectSame(expect, await outcome(), revision),
          )
        }
        it('ends with the same database', async ({ expect }) => {
          const { ours, alembics } = await outcome()
          expect(ours).toEqual(alembics)
        })
      })
    }
  })

it('are at least 60', () => {
  const each = [STATEMENTS, READS, COMMITS].flatMap(({ revisions }) => revisions)
  expect(ENVIRONMENTS.length + each.length).toBeGreaterThanOrEqual(60)
})

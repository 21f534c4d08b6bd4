/** Creating or starting a release locks the environment's row before the release's, which avoids deadlocks. */
import pg from 'pg'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import type { Transaction } from '../../src/release/ports/store.ts'
import { handleJob } from '../../src/worker/jobs/index.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { openedStore, stopPostgres, makeRelease as storeRelease, waiters } from '../adapters/store-opened.ts'
import { enqueue, soon, working } from '../adapters/store-working.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, refusedBy, type Team } from './service-team.ts'

afterAll(stopPostgres)
afterEach(() => vi.restoreAllMocks())

type Waiters = Parameters<typeof waiters>[0]

/** Holds a row's lock while `meanwhile` runs. */
async function holding(team: Team, lock: (tx: Transaction) => Promise<unknown>, meanwhile: () => Promise<unknown>) {
  await team.store.transaction(async (tx) => {
    await lock(tx)
    await meanwhile()
  })
}

const theEnvironment = (tx: Transaction) => tx.lockEnvironment('api', 'production')
const allEnvironments = (tx: Transaction) => tx.lockAllEnvironments()
const waiting = (team: { sql: Waiters['sql'] }, count: number) =>
  expect.poll(() => waiters(team as Waiters), { interval: 10, timeout: 10_000 }).toHaveLength(count)

describe.each([
  ['the environment’s row', theEnvironment],
  ['the row of all', allEnvironments],
])('while another transaction holds %s', (_, lock) => {
  it('no release is created', async () => {
    const team = await aTeam()
    let asked: ReturnType<Team['ask']> | undefined
    await holding(team, lock, async () => {
      asked = team.ask()
      await waiting(team, 1)
      expect(await team.store.current('api', 'production')).toBeUndefined()
    })
    expect(made(await (asked as ReturnType<Team['ask']>))).toMatchObject({ number: 1 })
  })

  it('no release is started', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    let started: Promise<unknown> | undefined
    await holding(team, lock, async () => {
      started = team.service.act('approval', { release: number, by: TOM.id })
      await waiting(team, 1)
      expect(await team.release(number)).toMatchObject({ state: 'awaiting sign-off' })
    })
    await started
    expect(await team.release(number)).toMatchObject({ state: 'approved' })
  })
})

it('planning, which starts a release without sign-offs, waits for the environment’s row', async () => {
  const opened = await openedStore({ role: 'worker', timing: soon })
  const { store, jobs } = opened
  const { number } = await storeRelease(opened)
  const ports = { apps: [], store, jobs, git: {}, forge: {}, platforms: {}, migrator: {} } as unknown as WorkerPorts
  await working(opened, (claim) => handleJob(ports, claim))
  await store.transaction(async (tx) => {
    await tx.lockEnvironment('api', 'production')
    await enqueue(opened, { kind: 'plan', release: number })
    await waiting(opened, 1)
    expect(await store.release(number)).toMatchObject({ state: 'planning' })
  })
  await expect.poll(async () => (await store.release(number))?.state, { timeout: 10_000 }).toBe('refused')
})

describe('two transactions on the same environment and release', () => {
  /** Deadlocks that Postgres has detected. The transaction is retried, so only this count shows them. */
  function watchDeadlocks(): string[] {
    const seen: string[] = []
    const query = pg.Client.prototype.query
    vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
      const answer: unknown = Reflect.apply(query, this, args)
      if (answer instanceof Promise) {
        answer.catch((error: { code?: string }) => {
          if (error.code === '40P01') seen.push(String(args[0]))
        })
      }
      return answer
    } as typeof query)
    return seen
  }

  it('take turns: a release is replaced while its last approval arrives', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    const deadlocks = watchDeadlocks()
    for (const first of ['plan again', 'approval'] as const) {
      const number = await team.awaiting()
      await team.store.transaction((tx) => tx.changeRelease(number, { newerCommits: 2 }))
      made(await team.service.act('qa', { release: number, by: LIN.id }))
      const again = () => other.act('plan again', { release: number, by: DANA.id, key: `again ${number}` })
      const approve = () => team.service.act('approval', { release: number, by: TOM.id })
      const wanted = first === 'approval' ? [approve, again] : [again, approve]
      const answers: Promise<object>[] = []
      // Both wait for the holder of the row, in this order.
      await holding(team, theEnvironment, async () => {
        for (const each of wanted) {
          answers.push(each())
          await waiting(team, answers.length)
        }
      })
      const [winner, loser] = await Promise.all(answers)
      expect(refusedBy(winner ?? {})).toBe('not refused')
      expect(refusedBy(loser ?? {})).toBe('already_decided')
      const busy = await team.store.current('api', 'production')
      if (busy) await team.service.act('cancel', { release: busy.number, by: NIA.id })
    }
    expect(deadlocks).toEqual([])
  })

  it('and in any order', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    const deadlocks = watchDeadlocks()
    for (let round = 0; round < 20; round += 1) {
      const number = await team.awaiting()
      await team.store.transaction((tx) => tx.changeRelease(number, { newerCommits: 2 }))
      made(await team.service.act('qa', { release: number, by: LIN.id }))
      await Promise.all([
        team.service.act('approval', { release: number, by: TOM.id }),
        other.act('plan again', { release: number, by: DANA.id, key: `again ${number}` }),
        other.act('approval', { release: number, by: NIA.id }),
        team.ask(),
        other.act('cancel', { release: number, by: DANA.id }),
      ])
      const busy = await team.store.current('api', 'production')
      if (busy) await team.service.act('cancel', { release: busy.number, by: NIA.id })
      expect(await team.store.current('api', 'production')).toBeUndefined()
    }
    expect(deadlocks).toEqual([])
  })
})

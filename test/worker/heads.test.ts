/** The worker's look at new heads: quiet in the log and in the store, one question for a repository. */
import { expect, it } from 'vitest'
import { CLOCK } from '../../src/lib/clock.ts'
import type { Head } from '../../src/release/automatic.ts'
import type { Answer } from '../../src/release/ports/answers.ts'
import type { Transaction } from '../../src/release/ports/store.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { createHeadWatch } from '../../src/worker/watch/heads.ts'
import { anApp, anIntegration, sha } from '../support/builders.ts'

const NOW = new Date('2026-11-22T08:00:00Z')

function setting() {
  const asked: (readonly string[])[] = []
  const logged: string[] = []
  const heads = new Map<string, Head>()
  const state = {
    writes: 0,
    answer: (branches: readonly string[]): Answer<Record<string, string | null>> => ({
      ok: true,
      value: Object.fromEntries(branches.map((branch) => [branch, sha(branch === 'master' ? 'aaa' : 'bbb')])),
    }),
  }
  const tx = {
    now: NOW,
    lockEnvironment: async () => undefined,
    head: async (app: string, environment: string) => heads.get(`${app}/${environment}`),
    putHead: async (head: Head) => {
      state.writes += 1
      heads.set(`${head.app}/${head.environment}`, head)
    },
  } as unknown as Transaction
  const line = (level: string) => (fields: object, message: string) =>
    void logged.push(`${level} ${JSON.stringify(fields)} ${message}`)
  const deploys = 'automatically' as const
  const ports = {
    apps: [
      anApp({
        environments: [
          anIntegration({ deploys }),
          anIntegration({ name: 'staging', branch: 'staging', deploys }),
          anIntegration({ name: 'manual' }),
        ],
      }),
    ],
    store: {
      now: async () => NOW,
      heads: async () => [...heads.values()],
      workers: async () => [],
      transaction: async <T>(work: (each: Transaction) => Promise<T>) => work(tx),
    },
    git: {
      heads: async (_url: string, branches: readonly string[]) => {
        asked.push(branches)
        return state.answer(branches)
      },
    },
    clock: CLOCK,
    log: { info: line('info'), warn: line('warn'), error: line('error') },
  } as unknown as WorkerPorts
  return { watch: createHeadWatch(ports, 'w1'), ports, asked, logged, heads, state }
}

it('A16: one question for a repository, and no write and no line while nothing is new', async () => {
  const { watch, asked, logged, heads, state } = setting()
  await watch.look()
  expect([...heads.values()].map(({ environment, state: is }) => `${environment} ${is}`)).toEqual([
    'integration remembered',
    'staging remembered',
  ])
  expect(state.writes).toBe(2)
  for (let looks = 0; looks < 5; looks += 1) await watch.look()
  expect(asked).toEqual(Array.from({ length: 6 }, () => ['master', 'staging']))
  expect(state.writes).toBe(2)
  expect(logged).toEqual([])
})

it('A16: a repository that does not answer is one line, whatever it says, and one when it answers', async () => {
  const { watch, logged, heads, state } = setting()
  await watch.look()
  const { answer } = state
  for (const detail of ['no route', 'no route, after 12 s', 'no route, after 13 s']) {
    state.answer = () => ({ ok: false, failure: 'unreachable', detail })
    await watch.look()
  }
  expect(logged).toHaveLength(1)
  expect(logged[0]).toContain('no route')
  state.answer = answer
  await watch.look()
  await watch.look()
  expect(logged.map((each) => each.split(' ')[0])).toEqual(['warn', 'info'])
  expect([...heads.values()].every(({ state: is }) => is === 'remembered')).toBe(true)
})

it('A16: a branch that is gone is one line, and its head stays noted', async () => {
  const { watch, logged, heads, state } = setting()
  await watch.look()
  state.answer = (branches) => ({
    ok: true,
    value: Object.fromEntries(branches.map((branch) => [branch, branch === 'master' ? null : sha('bbb')])),
  })
  await watch.look()
  await watch.look()
  expect(logged).toHaveLength(1)
  expect(logged[0]).toContain('no branch master')
  expect(heads.get('api/integration')?.commit).toBe(sha('aaa'))
})

it('A16: leaves when it stops', async () => {
  const { watch, heads } = setting()
  await watch.look()
  expect(heads.get('api/staging')?.watchers).toEqual(['w1'])
  await watch.leave()
  expect(heads.get('api/staging')?.watchers).toEqual([])
})

it('A17: what was owed is not owed any more once the entry says on request', async () => {
  const { watch, heads, state } = setting()
  const at = { app: 'api', configuration: '2:c', commit: sha('ccc'), seenAt: NOW, watchers: [] }
  heads.set('api/manual', { ...at, environment: 'manual', state: 'due' })
  await watch.look()
  expect(heads.get('api/manual')).toMatchObject({ state: 'given up', commit: sha('ccc') })
  const { writes } = state
  heads.set('api/manual', { ...at, environment: 'manual', state: 'done' })
  await watch.look()
  expect(heads.get('api/manual')?.state).toBe('done')
  expect(state.writes).toBe(writes)
})

it('growth apps: hundreds of repositories are asked some at once, and the store for its time once', async () => {
  const { ports } = setting()
  let [underWay, most, asked, times] = [0, 0, 0, 0]
  const apps = Array.from({ length: 200 }, (_, at) =>
    anApp({
      name: `app${at}`,
      gitUrl: `https://git.test/${at}`,
      environments: [anIntegration({ deploys: 'automatically' })],
    }),
  )
  const git = {
    heads: async () => {
      asked += 1
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      return { ok: true, value: { master: sha('aaa') } }
    },
  } as unknown as WorkerPorts['git']
  const store = {
    ...ports.store,
    now: async () => {
      times += 1
      return NOW
    },
  }
  await createHeadWatch({ ...ports, apps, git, store }, 'w1').look()
  expect({ asked, most, times }).toEqual({ asked: 200, most: 8, times: 1 })
})

it('growth apps: one that is not answered for long holds up no other', async () => {
  const { ports } = setting()
  const answered: string[] = []
  const slow = Promise.withResolvers<void>()
  const apps = Array.from({ length: 20 }, (_, at) =>
    anApp({
      name: `app${at}`,
      gitUrl: `https://git.test/${at}`,
      environments: [anIntegration({ deploys: 'automatically' })],
    }),
  )
  const git = {
    heads: async (url: string) => {
      if (url.endsWith('/0')) await slow.promise
      answered.push(url)
      return { ok: true, value: { master: sha('aaa') } }
    },
  } as unknown as WorkerPorts['git']
  const look = createHeadWatch({ ...ports, apps, git }, 'w1').look()
  await expect.poll(() => answered.length).toBe(19)
  slow.resolve()
  await look
  expect(answered).toHaveLength(20)
})

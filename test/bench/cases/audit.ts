/** T13: how fast the record is verified. */
import { hash } from 'node:crypto'
import { openStore } from '../../../src/adapters/store/open.ts'
import { verifyChain } from '../../../src/operations/audit/record.ts'
import type { ReleaseEvent } from '../../../src/release/events.ts'
import type { StoredChain } from '../../../src/release/record.ts'
import { createStoreDatabase } from '../../support/postgres.ts'
import { type Case, inTurn } from '../case.ts'

const AT_ONCE = 5_000

export const AUDIT: Case = {
  lines: [
    {
      id: 'T13',
      what: 'Events verified, as `signoff audit verify` does it',
      yardstick: 'the same texts only hashed, one-shot SHA-256 of what is in memory',
      unit: '/s',
      goal: { of: 'ratio', atLeast: 0.35 },
    },
  ],

  async measure(bench) {
    const count = bench.sized({ small: 2_000, usual: 200_000, heavy: 1_000_000 })
    const database = await createStoreDatabase(bench.postgres)
    const opened = await openStore({ pool: { connectionString: database.url }, role: 'bot' })
    for (let written = 0; written < count; written += AT_ONCE) {
      const events = Array.from({ length: Math.min(AT_ONCE, count - written) }, (_, at) => eventLikeOurs(written + at))
      await opened.store.transaction(async (tx) => {
        for (const event of events) tx.addEvent(event)
      })
    }
    const texts = await opened.audit.readChain(firstTexts)
    const perSecond = async (work: () => Promise<number>) => {
      const began = performance.now()
      const done = await work()
      return done / ((performance.now() - began) / 1_000)
    }
    for (const round of bench.rounds()) {
      const [ours, yardstick] = await inTurn(
        round,
        () =>
          perSecond(async () => {
            const found = await opened.audit.readChain((chain) => verifyChain(chain))
            if (!found.ok) throw new Error(found.why)
            return found.count
          }),
        () =>
          perSecond(async () => {
            for (let at = 0; at < count; at += 1) hash('sha256', texts[at % texts.length] ?? '')
            return count
          }),
      )
      bench.add('T13', { ours, yardstick })
    }
    bench.note('T13', `${count.toLocaleString('en')} events`)
    await opened.close()
    await database.drop()
  },
}

async function firstTexts({ rows }: StoredChain): Promise<readonly string[]> {
  for await (const page of rows) return page.map(({ text }) => text)
  return []
}

/** As long as a step's event, which is the most frequent. */
function eventLikeOurs(at: number): ReleaseEvent {
  const commit = at.toString(16).padStart(40, '0')
  return {
    type: at % 2 === 0 ? 'step_started' : 'step_done',
    actor: 'worker',
    data: {
      step: 'push',
      attempt: 1,
      effect: 'some',
      ms: 4_211,
      said: `Pushed ${commit.slice(0, 7)} to heroku`,
      commit,
    },
  }
}

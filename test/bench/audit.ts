/**
 * How fast the record is verified: npm run bench [-- events]. A store of our own Postgres with as many events as said, written
 * by the code that writes them in service, then verified as `signoff audit verify` does it. The yardstick, in turn with it, is
 * the least that any verifier does: to hash the same texts, which lie in memory already.
 */
import { hash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/adapters/embedded-postgres/embedded-postgres.ts'
import { openStore } from '../../src/adapters/store/open.ts'
import { verifyChain } from '../../src/operations/audit/record.ts'
import type { ReleaseEvent } from '../../src/release/events.ts'
import type { StoredChain } from '../../src/release/record.ts'

const count = Number(process.argv[2] ?? 1_000_000)
if (!Number.isSafeInteger(count) || count < 1) {
  console.error(`${process.argv[2]} is no number of events. Say one, such as 1000000.`)
  process.exit(2)
}
const AT_ONCE = 5_000
const dataDir = await mkdtemp(join(tmpdir(), 'signoff-bench-'))
const postgres = await startEmbeddedPostgres({ dataDir })
try {
  const opened = await openStore({ pool: postgres.connection })
  const from = performance.now()
  for (let written = 0; written < count; written += AT_ONCE) {
    const events = Array.from({ length: Math.min(AT_ONCE, count - written) }, (_, at) => eventLikeOurs(written + at))
    await opened.store.transaction(async (tx) => {
      for (const event of events) tx.addEvent(event)
    })
  }
  say('written', count, performance.now() - from)
  const texts = await opened.audit.readChain(firstTexts)
  const ratios: number[] = []
  for (const round of [1, 2, 3]) {
    const yardstick = msOf(() => {
      for (let at = 0; at < count; at += 1) hash('sha256', texts[at % texts.length] ?? '')
    })
    const began = performance.now()
    const cpu = process.cpuUsage()
    const found = await opened.audit.readChain((chain) => verifyChain(chain))
    const ms = performance.now() - began
    if (!found.ok) throw new Error(found.why)
    ratios.push(ms / yardstick)
    say(`verified (${round})`, found.count, ms)
    const { user, system } = process.cpuUsage(cpu)
    console.log(`  our own processor time ${((user + system) / 1e6).toFixed(2)} s, ${memory()}`)
    say('  only hashed', count, yardstick)
  }
  const [, median = 0] = ratios.toSorted((one, other) => one - other)
  console.log(`verified / only hashed: ${median.toFixed(2)}, the middle of ${ratios.length} rounds`)
  await opened.close()
} finally {
  await postgres.stop()
  await rm(dataDir, { recursive: true, force: true })
}

async function firstTexts({ rows }: StoredChain): Promise<readonly string[]> {
  for await (const page of rows) return page.map(({ text }) => text)
  return []
}

function msOf(work: () => void): number {
  const began = performance.now()
  work()
  return performance.now() - began
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

function memory(): string {
  return `${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`
}

function say(what: string, events: number, ms: number): void {
  const rate = Math.round((events / ms) * 1_000).toLocaleString('en')
  console.log(`${what}: ${events.toLocaleString('en')} events in ${(ms / 1_000).toFixed(1)} s, ${rate} a second`)
}

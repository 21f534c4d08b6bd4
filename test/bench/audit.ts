/**
 * How fast the record is verified: node test/bench/audit.ts [events]. A store of our own Postgres with as many events as
 * said, written by the code that writes them in service, then verified as `signoff audit verify` does it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/adapters/store/embedded-postgres.ts'
import { openStore } from '../../src/adapters/store/open.ts'
import { verifyChain } from '../../src/operations/audit.ts'
import type { ReleaseEvent } from '../../src/release/ports/store.ts'

const count = Number(process.argv[2] ?? 1_000_000)
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
  for (const round of [1, 2, 3]) {
    const began = performance.now()
    const cpu = process.cpuUsage()
    const found = await opened.audit.readChain((chain) => verifyChain(chain))
    if (!found.ok) throw new Error(found.why)
    say(`verified (${round})`, found.count, performance.now() - began)
    const { user, system } = process.cpuUsage(cpu)
    console.log(`  our own processor time ${((user + system) / 1e6).toFixed(2)} s, ${memory()}`)
  }
  await opened.close()
} finally {
  await postgres.stop()
  await rm(dataDir, { recursive: true, force: true })
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

/**
 * The command `signoff audit`: opens the store, calls `operations/audit/` and formats the output. The verification and the
 * evidence itself are in `operations/audit/`. Reads only.
 */
import type { Configuration } from '../config/configuration.ts'
import { evidenceOf } from '../operations/audit/evidence.ts'
import { evidenceHtml, evidenceMarkdown } from '../operations/audit/evidence-formats.ts'
import { verifyChain } from '../operations/audit/record.ts'
import { openStoreToRead } from './store-to-read.ts'

/** Verifies the whole chain; `heads` are from `parseHead`. Returns the lines to print and the exit code. */
export async function verifyAudit(
  configuration: Pick<Configuration, 'storeUrl' | 'dataDir'>,
  heads: readonly string[],
): Promise<{ lines: readonly string[]; exitCode: 0 | 1 }> {
  const opened = await openStoreToRead(configuration)
  try {
    const startedAt = performance.now()
    const found = await opened.audit.readChain((chain) => verifyChain(chain, heads))
    const seconds = (performance.now() - startedAt) / 1_000
    if (!found.ok) {
      const what =
        found.verified === undefined
          ? 'The record fails verification'
          : `${eventCount(found.verified)} verified, but a head was not found`
      return { lines: [`✗ ${what}: ${found.why}.`], exitCode: 1 }
    }
    const lines = [
      `✓ ${eventCount(found.count)} verified (${seconds.toFixed(1)} s). Head: ${found.head}`,
      ...found.heads.map(({ head, event, release }) => {
        const ofRelease = release === undefined ? '' : `, of release #${release}`
        return `✓ Head ${head} is the hash of event ${event}${ofRelease}.`
      }),
    ]
    return { lines, exitCode: 0 }
  } finally {
    await opened.close()
  }
}

function eventCount(count: number): string {
  return count === 1 ? '1 event' : `${count} events`
}

export type EvidenceFormat = 'json' | 'markdown' | 'html'

/**
 * The evidence of one release, with a verification of the whole chain. `scrub` goes over the texts of a page once more.
 * Undefined when there is no such release.
 */
export async function exportAudit(
  configuration: Pick<Configuration, 'storeUrl' | 'dataDir'>,
  number: number,
  format: EvidenceFormat,
  scrub: (text: string) => string,
): Promise<string | undefined> {
  const opened = await openStoreToRead(configuration)
  try {
    const release = await opened.store.release(number)
    if (release === undefined) return undefined
    const { audit, store } = opened
    const evidence = evidenceOf({
      release,
      events: await audit.rowsOf(number),
      messages: await audit.posted(number),
      chain: await audit.readChain((chain) => verifyChain(chain)),
    })
    if (format === 'json') return JSON.stringify(evidence, null, 2)
    const now = await store.now()
    return format === 'html' ? evidenceHtml(evidence, now, scrub) : evidenceMarkdown(evidence, now)
  } finally {
    await opened.close()
  }
}

/** Writes every event as it is stored, with its hash, as a line of JSON. Reads in batches, so that memory stays flat. */
export async function exportEvents(
  location: Pick<Configuration, 'storeUrl' | 'dataDir'>,
  write: (line: string) => void,
): Promise<void> {
  const opened = await openStoreToRead(location)
  try {
    await opened.audit.readChain(async ({ rows: batches }) => {
      for await (const rows of batches) {
        for (const { text, hash } of rows) {
          write(JSON.stringify({ event: JSON.parse(text.slice(64)), hash, previousHash: text.slice(0, 64) }))
        }
      }
    })
  } finally {
    await opened.close()
  }
}

/** `signoff audit`: checks and exports the record of a store. Reads only. */
import type { Configuration } from '../config/configuration.ts'
import { type Evidence, evidenceOf } from '../operations/audit/evidence.ts'
import { evidenceMarkdown } from '../operations/audit/evidence-markdown.ts'
import { verifyChain } from '../operations/audit/record.ts'
import { openStoreToRead } from './wiring.ts'

/** Checks every event. `heads`: as `readHead` gives them. Gives what to say and the exit code. */
export async function verifyAudit(
  configuration: Pick<Configuration, 'storeUrl' | 'dataDir'>,
  heads: readonly string[],
): Promise<{ lines: readonly string[]; exitCode: 0 | 1 }> {
  const opened = await openStoreToRead(configuration)
  try {
    const began = performance.now()
    const found = await opened.audit.readChain((chain) => verifyChain(chain, heads))
    const seconds = (performance.now() - began) / 1_000
    if (!found.ok) return { lines: [`✗ The record is not as it was written: ${found.why}.`], exitCode: 1 }
    const lines = [
      `✓ ${found.count} events are as they were written, in ${seconds.toFixed(1)} s. Head: ${found.head}`,
      ...found.heads.map(({ head, event, release }) => {
        const whose = release === undefined ? '' : `, of release #${release}`
        return `✓ Head ${head} is that of event ${event}${whose}.`
      }),
    ]
    return { lines, exitCode: 0 }
  } finally {
    await opened.close()
  }
}

/** Everything about one release, with a check of the whole chain. Undefined: there is no such release. */
export async function exportAudit(
  configuration: Pick<Configuration, 'storeUrl' | 'dataDir'>,
  number: number,
): Promise<{ evidence: Evidence; markdown: string } | undefined> {
  const opened = await openStoreToRead(configuration)
  try {
    const release = await opened.store.release(number)
    if (release === undefined) return undefined
    const { audit } = opened
    const events = await audit.rowsOf(number)
    const messages = await audit.posted(number)
    const evidence = evidenceOf({
      release,
      events,
      messages,
      chain: await audit.readChain((chain) => verifyChain(chain)),
    })
    return { evidence, markdown: evidenceMarkdown(evidence) }
  } finally {
    await opened.close()
  }
}

/** Every event as it is stored, with its hash, a JSON line each; memory stays flat. */
export async function exportEvents(
  place: Pick<Configuration, 'storeUrl' | 'dataDir'>,
  write: (line: string) => void,
): Promise<void> {
  const opened = await openStoreToRead(place)
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

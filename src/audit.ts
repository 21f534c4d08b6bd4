/** `signoff audit`: checks and exports the record of a store. Reads only. */
import type { Configuration } from './config/configuration.ts'
import { verifyChain } from './operations/audit.ts'
import { type Evidence, evidenceMarkdown, evidenceOf } from './operations/evidence.ts'
import { openStoreToRead } from './parts.ts'

/** Checks every event. `heads`: hashes as they stand in Slack's threads. Gives a sentence and the exit code. */
export async function verifyAudit(
  configuration: Pick<Configuration, 'storeUrl' | 'dataDir'>,
  heads: readonly string[],
): Promise<{ line: string; exitCode: 0 | 1 }> {
  const opened = await openStoreToRead(configuration)
  try {
    const began = performance.now()
    const found = await verifyChain(opened.audit.rows(), await opened.audit.rememberedHead(), heads)
    const seconds = (performance.now() - began) / 1_000
    if (!found.ok) return { line: `✗ The record is not as it was written: ${found.why}.`, exitCode: 1 }
    const line = `✓ ${found.count} events are as they were written, in ${seconds.toFixed(1)} s. Head: ${found.head}`
    return { line, exitCode: 0 }
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
    const chain = await verifyChain(opened.audit.rows(), await opened.audit.rememberedHead())
    const evidence = evidenceOf(release, await opened.store.events(number), chain)
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
    for await (const rows of opened.audit.rows()) {
      for (const { body, hash, previousHash } of rows) {
        write(JSON.stringify({ event: JSON.parse(body), hash, previousHash }))
      }
    }
  } finally {
    await opened.close()
  }
}

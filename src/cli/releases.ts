/** The command `signoff releases`: opens the store and writes the list in parts. Reads only. */
import type { Configuration } from '../config/configuration.ts'
import { DECIDING_EVENTS } from '../operations/audit/decisions.ts'
import { listReleases, type PopulationFilter, tallyLines } from '../operations/audit/population.ts'
import { POPULATION_FORMATS, type PopulationFormatName } from '../operations/audit/population-formats.ts'
import { COUNTABLE_EVENTS } from '../release/counted.ts'
import { openStoreToRead } from './store-to-read.ts'

const READ_EVENTS = [...new Set([...DECIDING_EVENTS, ...COUNTABLE_EVENTS])]

/**
 * Writes the releases of a period. Returns what to say beside the list about its completeness, and the exit code: 1 if a
 * number is missing, or the store's tables say otherwise than the record, 2 for a period that ends before it starts.
 */
export async function printReleases(
  location: Pick<Configuration, 'storeUrl' | 'dataDir'>,
  filter: PopulationFilter,
  format: PopulationFormatName,
  write: (text: string) => Promise<void>,
): Promise<{ statement: readonly string[]; exitCode: 0 | 1 | 2 }> {
  const { since, until } = filter
  if (since && until && since >= until)
    return { statement: ['The end of the period is not after its start.'], exitCode: 2 }
  const written = POPULATION_FORMATS[format]()
  const opened = await openStoreToRead(location)
  try {
    return await opened.audit.readNumbers(filter, READ_EVENTS, async (numbers) => {
      await write(written.start())
      const tally = await listReleases(numbers, filter, (releases) => write(written.releases(releases)))
      await write(written.end(tally, filter))
      const isGood = tally.missing.length === 0 && tally.differing.length === 0
      return { statement: written.hasTally ? [] : tallyLines(tally, filter), exitCode: isGood ? 0 : 1 }
    })
  } finally {
    await opened.close()
  }
}

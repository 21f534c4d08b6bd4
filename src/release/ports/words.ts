/** Names and facts of the external services, for messages. The bot gets them without the adapters and their secrets. */
import type { PlatformName } from '../stored-names.ts'
import type { ForgeWords } from './forge.ts'
import type { MigratorWords } from './migrator.ts'
import type { PlatformWords } from './platform.ts'

export interface ServiceWords {
  readonly forge: ForgeWords
  readonly platforms: Readonly<Record<PlatformName, PlatformWords>>
  readonly migrator: MigratorWords
}

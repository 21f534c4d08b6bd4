/** What messages need of the services behind the ports: the wiring hands it to the bot, which has none of their adapters. */
import type { PlatformName } from '../stored-names.ts'
import type { ForgeWords } from './forge.ts'
import type { MigratorWords } from './migrator.ts'
import type { PlatformWords } from './platform.ts'

export interface ServiceWords {
  readonly forge: ForgeWords
  readonly platforms: Readonly<Record<PlatformName, PlatformWords>>
  readonly migrator: MigratorWords
}

/** A pending migration as a plan has it. Stored as JSON. */
import type { MigrationRisk } from './settings.ts'

/** A risk of one SQL statement that people should know before it runs. */
export interface SqlFinding {
  readonly risk: MigrationRisk
  /** A few words in the third person, such as `drops column documents.language`. */
  readonly what: string
  /** One sentence. */
  readonly why: string
  /** The usual safer way, one sentence; absent if there is none. */
  readonly instead?: string
  /** The code that runs now may still use what this removes. */
  readonly breaksOldCode?: true
}

export interface PlannedMigration {
  readonly revision: string
  /** The name of its database; absent if the environment has one. */
  readonly database?: string
  readonly message: string
  /** Path in the repository. */
  readonly file: string
  /** The name of the file's last author. */
  readonly author?: string
  /** The worst of its findings. */
  readonly risk?: MigrationRisk
  /** The worst first; at most `MAX_FINDINGS`. */
  readonly findings?: readonly SqlFinding[]
  /** The number of all findings. */
  readonly findingCount?: number
  /** Its statements, as far as they are stored; absent if it could not be previewed. */
  readonly sql?: readonly string[]
  /** How many statements are not stored because of their length. */
  readonly sqlLeftOut?: number
  /** It commits midway, so a failure may leave it partly applied. */
  readonly commits?: true
}

export const MAX_FINDINGS = 30

/** Heroku's Platform API. */
import type { Answer } from './answers.ts'

export interface PlatformRelease {
  readonly id: string
  /** Such as 42. */
  readonly version: number
  readonly status: 'succeeded' | 'pending' | 'failed' | 'expired'
  readonly current: boolean
  readonly commit?: string
  readonly slug?: string
}

export interface Heroku {
  /** The last releases of an app, newest first, with the commits of their slugs. */
  releases(herokuApp: string, limit: number): Promise<Answer<readonly PlatformRelease[]>>
  /** Makes a new release from a slug. */
  releaseSlug(herokuApp: string, slug: string): Promise<Answer<PlatformRelease>>
}

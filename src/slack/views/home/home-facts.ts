/** What a Home is drawn from. */
import type { DirectMessageChoices } from '../../../release/direct-messages.ts'
import type { FiguresFound } from '../../../release/figures.ts'
import type { Waiting } from '../../../release/home.ts'
import type { Release } from '../../../release/release.ts'
import type { EnvironmentsStatus } from '../../../release/status.ts'
import type { People } from '../parts/people.ts'
import type { HomeItem } from './menu.ts'

export interface HomeFacts extends People {
  readonly now: Date
  readonly waiting: readonly Waiting[]
  /** The groups whose members Slack did not list: something of theirs may be missing in `waiting`. */
  readonly unlisted: readonly string[]
  readonly status: EnvironmentsStatus
  /** What can be done at an environment, or about the lock over all. */
  readonly menuOf: (place: { readonly app: string; readonly environment: string } | 'all') => readonly HomeItem[]
  /** The token of an environment's menu. */
  readonly tokenOf: (place: { readonly app: string; readonly environment: string }) => string | undefined
  /** The newest first. */
  readonly own: readonly Release[]
  /** The address of a release's card. */
  readonly link: (number: number) => string | undefined
  /** The tokens of **Go**, by release, where the person may press it. */
  readonly goTokens: ReadonlyMap<number, string>
  /** Over 30 days, of every environment that has any. */
  readonly figures: FiguresFound
  /** Which direct messages the person gets; left out where the team has switched all off. */
  readonly choices?: DirectMessageChoices
}

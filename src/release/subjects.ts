/** What a button acts on where it isn't one release. Its token stands for it; the names are stored. */

import type { ReportAsked } from './messages.ts'
import type { SignOffKind } from './terms.ts'

export type Subject =
  | { readonly is: 'environment'; readonly app: string; readonly environment: string }
  /** Every environment. */
  | { readonly is: 'all' }
  | { readonly is: 'lock'; readonly id: number }
  /** One person's sign-off. `person`: their Slack user id; `at`: when it was given, in ISO. */
  | {
      readonly is: 'sign-off'
      readonly release: number
      readonly kind: SignOffKind
      readonly person: string
      readonly at: string
    }
  | ({ readonly is: 'report' } & ReportAsked)

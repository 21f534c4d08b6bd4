/** What private messages are drawn from, and the parts that several share. */
import type { FiguresFound } from '../../../release/figures.ts'
import type { PrivateMessage } from '../../../release/messages.ts'
import type { Release } from '../../../release/release.ts'
import type { Environment } from '../../../release/settings.ts'
import type { OfferedControl } from '../control-buttons.ts'
import { type Drawn, section } from '../parts/blocks.ts'
import { called } from '../parts/facts.ts'
import type { People } from '../parts/people.ts'
import { link } from '../parts/text.ts'

/** The message of one kind. */
export type MessageOf<Is extends PrivateMessage['is']> = Extract<PrivateMessage, { is: Is }>

/** The facts that private messages need. */
export interface PrivateFacts extends People {
  /** The release that the message is about, as it is stored; its environment is `environment`. */
  readonly release?: Release
  /** The token of the button Go, for the plan of a hot-fix that nobody signs. */
  readonly goToken?: string
  /** The token of the button Start, for a sign-off that would start the release. */
  readonly startToken?: string
  /** The token of the button Plan for an emergency, for a release that checks stopped. */
  readonly emergencyToken?: string
  readonly environment?: Environment
  /** The buttons that the message offers beside those of a release. */
  readonly offers?: readonly OfferedControl[]
  /** The address of a release's card. */
  readonly link?: (number: number) => string | undefined
  /** What a report shows. */
  readonly figures?: FiguresFound
  /** Web address of the repository that a refusal is about. */
  readonly webUrl?: string
}

/** A message that is one sentence, with its names defused. */
export function plainMessage(text: string): Drawn {
  return { text, blocks: [section(text)] }
}

/** `Release #12`, linked to its card where there is one. */
export function linkedName(release: Release, facts: Pick<PrivateFacts, 'link'>): string {
  const url = facts.link?.(release.number)
  return url === undefined ? called(release) : link(url, called(release))
}

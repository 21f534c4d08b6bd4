/** What the messages about gates are made of. */

import type { PlatformWords } from '../../../release/ports/platform.ts'
import { FIRST_PLATFORM, type PlatformName } from '../../../release/stored-names.ts'
import { code, type Line } from './blocks.ts'
import type { People } from './people.ts'
import { cut, oneLine } from './text.ts'

/** What to say about one gate. Lines are rich text: names, titles and details in them are only ever read as words. */
export interface Words {
  /** What can't be done, a verb after `Can’t `; left out: `deploy`. */
  readonly cant?: string
  /** One clause in lower case without its full stop, for after `Can’t deploy: ` or `Refused: `. */
  readonly why: string
  /** What to do next, a sentence or two a line. */
  readonly next: readonly Line[]
  /** Facts that are a list. */
  readonly list?: readonly Line[]
  /** Lines to copy, or that a tool wrote. */
  readonly verbatim?: string
  /** Commands to paste, below everything else; shown whole. */
  readonly recipe?: string
}

/** What to say about why a release stopped. */
export interface ProblemWords extends Words {
  /** The state that the step left behind. */
  readonly stands?: Line
  /** The step's output, where there is one. */
  readonly output?: readonly string[]
  /** Set when the outcome is not known: the question, what is not known, and a command that only reads. */
  readonly unknown?: { readonly question: string; readonly what: string; readonly look?: string }
}

/** What the words may need beyond the facts of the gate. */
export interface Hints extends People {
  /** Web address of the repository, for links to commits. */
  readonly webUrl?: string
  /** Who can press Must go out now… where the release can be planned for it. */
  readonly emergencyBy?: readonly string[] | 'every full member'
}

/** `/invite @Signoff`, by the bot's own name. */
export function invite({ botName = 'Signoff' }: { readonly botName?: string }): string {
  return `/invite @${oneLine(botName)}`
}

/** What to do while Slack refuses our token with this code. */
export function tokenFix(error: string): Line {
  switch (error) {
    case 'missing_scope':
      return [
        'Ask the operator of Signoff to reinstall its Slack app from ',
        code('manifest.yml'),
        ', which adds the missing scope.',
      ]
    case 'plan_upgrade_required':
    case 'paid_teams_only':
      return ['This workspace’s plan has no user groups: name people by their ids in ', code('releases.yml'), '.']
    default:
      return [
        'Ask the operator of Signoff to set a new ',
        code('SLACK_BOT_TOKEN'),
        ' and restart it. Releases under way continue then.',
      ]
  }
}

/** A name from outside, safe and short enough for a sentence. */
export function displayName(text: string): string {
  return cut(oneLine(text), 60)
}

/** The line to show of what a tool or service printed; empty where it printed nothing. */
export function quoteOutput(detail: string | undefined): { readonly verbatim?: string } {
  const line = cut(oneLine(detail ?? ''), 300)
  return line === '' ? {} : { verbatim: line }
}

/** The first ten, and how many more there are. */
export function truncated<T>(items: readonly T[], draw: (item: T) => Line, most = 10): Line[] {
  const left = items.length - most
  return [...items.slice(0, most).map(draw), ...(left > 0 ? [[`and ${left} more`]] : [])]
}

/** The words of the platform that a gate is about. */
export function platformWords(
  { services }: Hints,
  { platform = FIRST_PLATFORM }: { platform?: PlatformName },
): PlatformWords {
  return services.platforms[platform]
}

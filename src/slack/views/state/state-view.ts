/** What a state's view is, and what it is drawn from. */
import type { ActionsBlock, Button, KnownBlock } from '@slack/types'
import type { Action } from '../../../release/actions.ts'
import type { Lock } from '../../../release/lock.ts'
import type { Owed } from '../../../release/policy.ts'
import type { Release } from '../../../release/release.ts'
import type { Environment, Progress } from '../../../release/settings.ts'
import type { MissingWorker } from '../../../release/terms.ts'
import type { Ungivable } from '../../../release/who-can-sign.ts'
import type { Line } from '../parts/blocks.ts'
import type { People } from '../parts/people.ts'
import type { PersonFacts } from '../parts/persons.ts'
import type { ProofNow } from '../parts/proof.ts'
import type { ProblemWords } from '../parts/words.ts'

/**
 * How a release looks in one state. A view only lays out: buttons and the words of gates come ready in the facts, so that
 * both can use the table of views without a circular import.
 */
export interface StateView {
  /** The emoji before the state's word. */
  readonly emoji: string
  /** The state within a sentence: `Release #12 …`. */
  readonly inSentence: string
  /** The state in a list of releases; left out where its own word is enough. */
  readonly inList?: (release: Release) => string
  /** The buttons of the row of decisions, leftmost first. */
  readonly row: (release: Release, owed: readonly Owed[]) => readonly Action[]
  /** Buttons beside a line of the card, other than Cancel and Details. */
  readonly seats?: (release: Release) => readonly Action[]
  /** What Cancel does now, in the dialog before it; left out where a release in this state can't be cancelled. */
  readonly cancelEffect?: (release: Release) => string
  /** The card below its header. */
  readonly card: (release: Release, facts: StateFacts) => KnownBlock[]
  /** The card as one full sentence without markup; names in it are defused. */
  readonly text: (release: Release, facts: TextFacts) => string
  /** The outcome's lines: how it ended, what is true now, what to do next. */
  readonly outcome: (release: Release, facts: TextFacts) => readonly Line[]
  /** The answer to a cancel, after the release's name; left out where the state came from the step that was running. */
  readonly afterCancel?: string
  /** The buttons of which someone has to press one; left out where the release continues or can be cancelled. */
  readonly mustPress?: Line
}

/** What a card needs beside the release. */
export interface CardFacts extends People, PersonFacts {
  readonly environment: Environment
  /** A token for each of `buttonsOf(release, owed)`; a button without one is left out. */
  readonly tokens: Readonly<Partial<Record<Action, string>>>
  readonly progress: Progress
  /** The sign-offs that policy still requires, also after the end. */
  readonly owed: readonly Owed[]
  /** The release that made what is live now, if it was one of ours. */
  readonly previous?: { readonly number: number; readonly at: Date }
  readonly now: Date
  /** Only true for the card's first post, which mentions those who can sign. */
  readonly mentionGroups: boolean
  /** How long such a run usually takes, in milliseconds; only for one that is running, and only if enough are known. */
  readonly usualMs?: number
  /** The address of another release's card. */
  readonly link?: (number: number) => string | undefined
  /** Sign-offs that too few people can give. */
  readonly ungivable?: readonly Ungivable[]
  /** How many authors of the plan have no match in Slack. */
  readonly unmatchedAuthors?: number
  /** The open locks of its environment and of all. */
  readonly locks?: readonly Lock[]
  /** Whether its commit is proven on the environment that it is promoted from. */
  readonly proof?: ProofNow
  /** Set while no worker responds to plan or run. */
  readonly noWorker?: MissingWorker
}

/** What a sentence about a release needs beside it. */
export interface TextFacts extends Pick<People, 'services'> {
  readonly environment: Environment
  readonly owed: readonly Owed[]
  /** Why the release stopped. */
  readonly problem: ProblemWords | undefined
}

/** The facts of a card, with the pieces that are drawn before its state lays them out. */
export interface StateFacts extends CardFacts, TextFacts {
  /** The gate that blocks the release, and who can waive it; empty where none does. */
  readonly held: readonly KnownBlock[]
  /** Buttons beside a line; undefined where the state or the store has none. */
  readonly cancel: Button | undefined
  readonly details: Button | undefined
  readonly planAgain: Button | undefined
  readonly changeTime: Button | undefined
  /** The row of decisions, as a block; empty where there is nothing to decide. */
  readonly row: readonly ActionsBlock[]
}

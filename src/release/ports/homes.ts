/** The App Homes that people have opened: whose is to be drawn next, and how often. */

/** One look at a person's Home. */
export interface OpenHome {
  /** Slack user id. */
  readonly person: string
  /** What is recorded under an older claim is dropped. */
  readonly claim: number
  /** When the person opened it, or changed something in it, if that was not answered yet. Absent: something may have changed. */
  readonly askedAt?: Date
  /** Slack's hash of the view that it shows; absent if unknown, or if it shows none. */
  readonly hash?: string
  /** The digest of what Slack shows; absent if unknown. */
  readonly shown?: string
  /** The number of events at the time of the claim: what is read afterwards is at least as new. */
  readonly events: number
}

export interface HomePace {
  /** The least time between two publishes to one person. */
  readonly everyMs: number
  /** The most publishes a minute, of all bots together. */
  readonly aMinute: number
  /** So many of them are left to people who have just opened theirs. */
  readonly keptForOpened: number
  /** For so long after it was opened a Home follows what changes. */
  readonly followsForMs: number
  /** How often a followed Home is looked at without an event: time alone changes it too. */
  readonly lookEveryMs: number
  /** The least time between two looks at one Home. */
  readonly lookAgainMs: number
}

export const HOME_PACE: HomePace = {
  everyMs: 10_000,
  aMinute: 20,
  keptForOpened: 5,
  followsForMs: 15 * 60_000,
  lookEveryMs: 30_000,
  lookAgainMs: 2_000,
}

/** Safe to use from several bots: one at a time has a claim on a Home, and a claim of a bot that died ends after a minute. */
export interface Homes {
  /**
   * The person has opened Home: now, or `at` this time by the store's clock. `hash`: that of the view which Slack showed; null:
   * it showed none; left out: not known. Safe to repeat.
   */
  opened(person: string, seen: { readonly at?: Date; readonly hash?: string | null }): Promise<void>
  /** The person has changed something in their Home: it is redrawn as if it was opened, and followed no longer than before. */
  asked(person: string): Promise<void>
  /** Claims the Home to look at now: opened ones first, then those that may have changed. Else whether any is followed. */
  next(): Promise<{ readonly home: OpenHome } | { readonly isAnyFollowed: boolean }>
  /** Counts one publish. False, with the claim ended: another must wait for its turn, or the claim is lost. */
  mayPublish(home: OpenHome): Promise<boolean>
  /** Slack has confirmed the view. Ends the claim. */
  published(home: OpenHome, now: { readonly hash?: string; readonly shown: string }): Promise<void>
  /** Slack shows the same already. Ends the claim. */
  unchanged(home: OpenHome): Promise<void>
  /** It was not published, or that is not known. Ends the claim: it is tried again after this time, or when it is opened. */
  failed(home: OpenHome, afterMs: number): Promise<void>
  /** When somebody has last opened theirs; undefined if nobody has in 30 days. */
  lastOpened(): Promise<Date | undefined>
  /** Slack can't show it to this person: it is not tried again until they open it. */
  dropped(home: OpenHome): Promise<void>
}

/** Waits by state: what the store holds of a release, and where a person would look, that Slack shows it. */

import { hasEnded, type ReleaseState, type SignOffKind } from '../../src/release/terms.ts'
import type { SlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { announcements, cards, lines, offers, wordsOf } from './channel.ts'
import type { Waiting, waitUntil } from './waiting.ts'

export type Query = <Row extends object>(sql: string) => Promise<readonly Row[]>

/** Where the waits look. `moves`: all that may move while a release is on its way. */
export interface Watched {
  readonly slack: SlackWorkspace
  readonly query: Query
  waitFor<T>(what: Waiting['what'], look: Parameters<typeof waitUntil<T>>[0]): Promise<T>
}

/** One release as the store holds it. */
export interface SeenRelease {
  readonly state: ReleaseState | 'not there'
  readonly attempt: number
  readonly gate: string | undefined
  /** Why it stopped, with the facts of its gate. */
  readonly because: Readonly<Record<string, unknown>> | undefined
  /** `done some` by step. */
  readonly steps: Readonly<Record<string, string>>
  readonly replacedBy: number | null
  /** How it ended by a person, in their words. */
  readonly endedBy: string | null
  readonly endReason: string | null
}

export interface Until {
  /** The release is in this state, in this attempt of its run where one is given, and its card in Slack says so. */
  state(number: number, state: ReleaseState, attempt?: number): Promise<SeenRelease>
  awaitingSignOff(number: number): Promise<SeenRelease>
  needsAttention(number: number, attempt?: number): Promise<SeenRelease>
  succeeded(number: number): Promise<SeenRelease>
  outdated(number: number): Promise<SeenRelease>
  /** It is over, however it ended, and Slack says how. */
  ended(number: number): Promise<SeenRelease>
  /** This word counts, by this person where one is given, and the card shows it. */
  signed(number: number, kind: SignOffKind, person?: string): Promise<void>
  /** Another one has taken its place, and its card says which. */
  replaced(number: number, by: number): Promise<void>
  /** All that was to be said of it stands in Slack: card, announcement, lines and outcome. */
  told(number: number): Promise<void>
  /** Its thread has a line of this key, such as `done:push`, so many times; gives the words of the last. */
  line(number: number, key: string, times?: number): Promise<string>
  /** The channel was told that it changes the environment; gives the words. */
  announced(number: number): Promise<string>
}

/** In one question: stories ask it every few milliseconds. */
export async function seenRelease({ query }: Pick<Watched, 'query'>, number: number): Promise<SeenRelease> {
  const [row] = await query<{
    state: ReleaseState
    attempt: number
    problem: { because: { gate: string } } | null
    replaced_by: number | null
    ended_by_name: string | null
    end_reason: string | null
    steps: Readonly<Record<string, string>> | null
  }>(`select state, attempt, problem, replaced_by, ended_by_name, end_reason,
        (select json_object_agg(step.name, step.state || ' ' || step.effect) from step where step.release = number) as steps
      from release where number = ${number}`)
  return {
    state: row?.state ?? 'not there',
    attempt: row?.attempt ?? 0,
    gate: row?.problem?.because.gate,
    because: row?.problem?.because,
    steps: row?.steps ?? {},
    replacedBy: row?.replaced_by ?? null,
    endedBy: row?.ended_by_name ?? null,
    endReason: row?.end_reason ?? null,
  }
}

export function createUntil(watched: Watched): Until {
  const { slack, waitFor } = watched

  /** Nothing of these kinds waits any more to be said of it. */
  async function isSaid(number: number, kinds: readonly string[]): Promise<boolean> {
    const list = kinds.map((kind) => `'${kind}'`).join(', ')
    const waiting = await watched.query(
      `select 1 from outbox where release = ${number} and state = 'waiting' and kind in (${list})`,
    )
    return waiting.length === 0
  }

  /** What Slack itself holds agrees: a store that only believes to have drawn its card would be found out. */
  function isOffered(number: number, state: SeenRelease['state']): boolean {
    const card = cards(slack, number).at(-1)
    if (state === 'not there' || card === undefined) return true
    if (state === 'awaiting sign-off') return offers(card, 'rejection')
    if (state === 'needs attention') return offers(card, 'close')
    return !hasEnded(state) || !offers(card, 'cancel')
  }

  const isShown = async (number: number, state: SeenRelease['state']) =>
    (await isSaid(number, ['card', 'outcome', 'line'])) && isOffered(number, state)

  function reaches(
    number: number,
    what: string,
    isIt: (seen: SeenRelease) => boolean | Promise<boolean>,
  ): Promise<SeenRelease> {
    let seen: SeenRelease | undefined
    const inVain = () =>
      `release #${number} to be ${what}; it is ${JSON.stringify(seen)}\n${slack.transcript('product')}`
    return waitFor(inVain, async () => {
      seen = await seenRelease(watched, number)
      return (await isIt(seen)) && (await isShown(number, seen.state)) && seen
    })
  }

  const until: Until = {
    state: (number, state, attempt) =>
      reaches(number, state, (seen) => seen.state === state && (attempt ?? seen.attempt) === seen.attempt),

    awaitingSignOff: (number) => until.state(number, 'awaiting sign-off'),
    needsAttention: (number, attempt) => until.state(number, 'needs attention', attempt),
    succeeded: (number) => until.state(number, 'succeeded'),
    outdated: (number) => until.state(number, 'outdated'),
    ended: (number) => reaches(number, 'over', ({ state }) => state !== 'not there' && hasEnded(state)),

    async signed(number, kind, person) {
      const by = person === undefined ? '' : ` and person_id = '${person}'`
      const given = `select 1 from sign_off where release = ${number} and kind = '${kind}'${by}`
      await reaches(number, `signed: ${kind}`, async () => (await watched.query(given)).length > 0)
    },

    async replaced(number, by) {
      await reaches(number, `replaced by #${by}`, ({ replacedBy }) => replacedBy === by)
    },

    async told(number) {
      await waitFor(
        () => `all to be said of #${number}\n${slack.transcript('product')}`,
        () => isSaid(number, ['card', 'outcome', 'announcement', 'line']),
      )
    },

    line(number, key, times = 1) {
      return waitFor(
        () => `the line ${key} of #${number}, ${times} times\n${slack.transcript('product')}`,
        () => {
          const found = lines(slack, number, key)
          return found.length >= times && wordsOf(slack, found.at(-1))
        },
      )
    },

    announced: (number) =>
      waitFor(
        () => `the announcement of #${number}\n${slack.transcript('product')}`,
        () => {
          const found = announcements(slack, number).at(-1)
          return found && wordsOf(slack, found)
        },
      ),
  }
  return until
}

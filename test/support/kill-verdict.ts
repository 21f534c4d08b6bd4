/** What was wrong with a release that was killed on its way, by what was counted outside. */
import type { Content, Round, Verdict } from './kill-round.ts'
import type { Effects, Flow } from './truth.ts'

export interface Ended {
  readonly state: string | undefined
  readonly retries: number
  readonly effects: Effects
  /** An answer was spoiled: it may then end in other ways, and need a person. */
  readonly wasSpoiled: boolean
  readonly isPlanned: boolean
  readonly hasBegun: boolean
}

type Counted = 'merges' | 'picks' | 'comments' | 'pushes' | 'announcements' | 'receipts'
const INTEGRATION = { merges: 0, picks: 0, comments: 0, pushes: 1, announcements: 0, receipts: 0 }
const PRODUCTION = { merges: 1, picks: 0, comments: 1, pushes: 1, announcements: 1, receipts: 2 }

/** How often each of these happens in a release of each flow. */
const ONCE: Readonly<Record<Flow, Readonly<Record<Counted, number>>>> = {
  integration: INTEGRATION,
  automatic: INTEGRATION,
  production: PRODUCTION,
  scheduled: PRODUCTION,
  'hot-fix': { ...PRODUCTION, merges: 0, picks: 1 },
  // Its approval alone is asked for.
  rollback: { ...PRODUCTION, merges: 0, pushes: 0, receipts: 1 },
}

/**
 * Once, where it has succeeded; what people were owed, however it ended; nowhere more than once; nothing done where it is said
 * that nothing was.
 */
export function judge(
  { flow }: Pick<Round, 'flow'>,
  { pending }: Pick<Content, 'pending'>,
  { state, retries, effects, wasSpoiled, isPlanned, hasBegun }: Ended,
): Pick<Verdict, 'lost' | 'doubled' | 'guessed'> {
  const succeeded = state === 'succeeded'
  const { merges, picks, comments, pushes, announcements, receipts } = ONCE[flow]
  const all: readonly (readonly [what: string, seen: number, wanted: number, isOwed: boolean])[] = [
    ['merges', effects.merges, merges, succeeded],
    ['picks', effects.picks, picks, succeeded],
    ['comments', effects.comments, comments, succeeded],
    ['pushes', effects.pushes, pushes, succeeded],
    ['Heroku releases', effects.platformReleases, 1, succeeded],
    // However it ends: who has read of it reads how it ended.
    ['cards', effects.cards, 1, isPlanned],
    ['announcements', effects.announcements, announcements, hasBegun],
    // Who has signed is told so, also by a direct message that was cut off.
    ['receipts', effects.receipts, receipts, hasBegun],
    ['outcomes', effects.outcomes, 1 + retries, isPlanned],
    ...pending.map((each) => [`migration ${each}`, effects.migrations[each] ?? 0, 1, succeeded] as const),
  ]
  const { platformReleases } = effects
  const done = effects.merges + effects.picks + effects.pushes + Object.keys(effects.migrations).length
  // A rollback pushes nothing: the platform's release is what it does.
  const irreversible = done + (flow === 'rollback' ? platformReleases : 0)
  return {
    lost: [
      ...(state === undefined
        ? []
        : all.filter(([, seen, once, isOwed]) => isOwed && seen < once).map(([what, seen]) => `${what}: ${seen}`)),
      ...(!succeeded && state !== undefined && !wasSpoiled ? [`it ended as ${state}`] : []),
      ...(retries > 0 && !wasSpoiled ? [`its way: it needed ${retries} Retry, and nothing was spoiled`] : []),
    ],
    doubled: [
      ...all.filter(([, seen, once]) => seen > once).map(([what, seen]) => `${what}: ${seen}`),
      ...effects.linesTwice.map((line) => `said twice: ${line}`),
      ...Object.entries(effects.migrations).flatMap(([name, times]) =>
        times > 1 ? [`migration ${name}: ${times}`] : [],
      ),
    ],
    guessed: [
      ...(!succeeded && state !== undefined && irreversible > 0
        ? [`it ended as ${state}, and something was done`]
        : []),
      ...(effects.early > 0 ? ['something was done before the announcement'] : []),
    ],
  }
}

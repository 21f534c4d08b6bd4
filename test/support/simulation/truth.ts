/** What happened outside, as the outside has it. Only added to, by the simulated world; the system under test never sees it. */

export type EffectKind =
  | 'pull request'
  | 'comment'
  | 'merge'
  | 'pick'
  | 'branch'
  | 'migration'
  | 'push'
  | 'platform release'
  | 'message'
  | 'private message'
  | 'declined'
  | 'by hand'

export interface Effect {
  readonly kind: EffectKind
  /** What may happen once: the same key twice is a doubled effect. */
  readonly key: string
  readonly at: number
  /** Where it happened: an environment's name, a channel, a branch. */
  readonly where: string
  /** The commit that went, where one did. */
  readonly commit?: string
  readonly detail?: string
}

export interface Truth {
  readonly effects: readonly Effect[]
  /** The effects of a kind, in order. */
  of(kind: EffectKind): readonly Effect[]
  /** Keys that happened more than once, by the kinds that may happen once only. */
  doubled(): readonly string[]
}

export interface TruthLog extends Truth {
  happened(effect: Omit<Effect, 'at'>): void
}

const MAY_REPEAT: readonly EffectKind[] = ['by hand', 'branch', 'declined', 'private message']

export function createTruth(now: () => number): TruthLog {
  const effects: Effect[] = []
  const of = (kind: EffectKind) => effects.filter((effect) => effect.kind === kind)
  return {
    effects,
    of,
    happened: (effect) => void effects.push({ ...effect, at: now() }),
    doubled() {
      const seen = new Set<string>()
      const doubled = new Set<string>()
      for (const { kind, key } of effects) {
        if (MAY_REPEAT.includes(kind)) continue
        const name = `${kind} ${key}`
        if (seen.has(name)) doubled.add(name)
        seen.add(name)
      }
      return [...doubled]
    },
  }
}

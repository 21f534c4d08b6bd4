/** What happened outside, as the outside has it. Only added to, by the simulated world; the system under test never sees it. */
import { AsyncLocalStorage } from 'node:async_hooks'

/** Whose call brings an effect about. */
export interface Actor {
  readonly process: string
  readonly job?: string
  /** When it asked for it, its job was another's already. */
  readonly isOvertaken: boolean
}

/** Who makes the call that the world is serving. */
export const acting = new AsyncLocalStorage<Actor>()

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
  /** Nobody of ours: people, or servers by themselves. */
  readonly by?: Actor
}

export interface Truth {
  readonly effects: readonly Effect[]
  /** The effects of a kind, in order. */
  of(kind: EffectKind): readonly Effect[]
  /** Keys that happened more than once, by the kinds that may happen once only. */
  doubled(): readonly string[]
}

export interface TruthLog extends Truth {
  happened(effect: Omit<Effect, 'at' | 'by'>): void
}

const MAY_REPEAT: readonly EffectKind[] = ['by hand', 'branch', 'declined', 'private message']

export function createTruth(now: () => number): TruthLog {
  const effects: Effect[] = []
  const of = (kind: EffectKind) => effects.filter((effect) => effect.kind === kind)
  return {
    effects,
    of,
    happened(effect) {
      const by = acting.getStore()
      effects.push({ ...effect, at: now(), ...(by && { by }) })
    },
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

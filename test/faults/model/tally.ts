import { hasEnded } from '../../../src/release/terms.ts'
import type { Answered, Simulation } from '../../support/simulation/simulation.ts'
import type { Command } from './commands.ts'

/** `words`: what stands on releases. `faults`: what has struck, by its kind; `struck at`: the same by the port. */
const GROUPS = ['commands', 'answers', 'words', 'ends', 'effects', 'faults', 'struck at'] as const
export type Group = (typeof GROUPS)[number]

export interface Tally {
  did(command: Command, answer: Answered | undefined): void
  /** A sequence has come to its end. */
  ended(sim: Simulation): void
  readonly sequences: number
  of(group: Group, name: string): number
  /** A line for each group, the most frequent first. */
  print(): string
}

export function createTally(): Tally {
  const counts: Record<Group, Map<string, number>> = {
    commands: new Map(),
    answers: new Map(),
    words: new Map(),
    ends: new Map(),
    effects: new Map(),
    faults: new Map(),
    'struck at': new Map(),
  }
  let sequences = 0
  const count = (group: Group, name: string) => counts[group].set(name, (counts[group].get(name) ?? 0) + 1)

  return {
    did(command, answer) {
      count('commands', command.is)
      if (answer === undefined) return
      count('answers', answer === 'no answer' ? answer : 'refused' in answer ? answer.refused.gate : 'done')
    },
    ended(sim) {
      sequences += 1
      for (const { state, steps, signOffs } of sim.releases()) {
        count('ends', state)
        for (const { kind } of signOffs) count('words', kind)
        const hasUnknown = steps.some(({ effect, state: of }) => effect === 'unknown' || of === 'unknown')
        if (hasUnknown) count('ends', hasEnded(state) ? `(${state} with a step unknown)` : '(attention, step unknown)')
      }
      for (const { kind } of sim.world.truth.effects) count('effects', kind)
      for (const { fault, call } of sim.plan.struck) {
        count('faults', fault)
        count('struck at', `${fault} ${call.split('.', 1)[0]}`)
      }
    },
    get sequences() {
      return sequences
    },
    of: (group, name) => counts[group].get(name) ?? 0,
    print: () =>
      GROUPS.map((group) => {
        const sorted = [...counts[group]].sort(([, a], [, b]) => b - a)
        return `${group.padEnd(10)}${sorted.map(([name, n]) => `${name} ${n}`).join(', ')}`
      }).join('\n'),
  }
}

/** The message of each gate: what can't be done, why, and what to do next. */
import type { Gate, Refusal } from '../../release/refusals.ts'
import { HOTFIX_WORDS } from './hotfix-refusals.ts'
import type { Hints, Words } from './parts/words.ts'
import { PEOPLE_WORDS } from './refusals-of-people.ts'
import { WORLD_WORDS } from './refusals-of-the-world.ts'

type ByGate = { [G in Gate]: Extract<Refusal, { gate: G }> }

const WORDS: { readonly [G in Gate]: (refusal: ByGate[G], hints: Hints) => Words } = {
  ...PEOPLE_WORDS,
  ...WORLD_WORDS,
  ...HOTFIX_WORDS,
}

function wordsOf<G extends Gate>(gate: G, refusal: ByGate[G], hints: Hints): Words {
  return WORDS[gate](refusal, hints)
}

/** The words of a refusal. */
export function refusalWords(refusal: Refusal, hints: Hints): Words {
  const words = wordsOf(refusal.gate, refusal, hints)
  return Object.hasOwn(HOTFIX_WORDS, refusal.gate) ? { cant: 'plan this hot-fix', ...words } : words
}

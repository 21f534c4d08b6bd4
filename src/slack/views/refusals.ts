/** What a gate that did not hold says: what happened, to what, and what to do next. One entry for each gate. */
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

/** What to say about a gate that did not hold. */
export function refusalWords(refusal: Refusal, hints: Hints): Words {
  return wordsOf(refusal.gate, refusal, hints)
}

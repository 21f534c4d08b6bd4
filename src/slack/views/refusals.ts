/** The message of each gate: what can't be done, why, and what to do next. */
import type { Gate, Refusal } from '../../release/refusals.ts'
import { HOTFIX_REFUSALS } from './hotfix-refusals.ts'
import { LOCK_REFUSALS } from './lock-refusals.ts'
import type { Hints, Words } from './parts/words.ts'
import { MERGE_REFUSALS } from './refusals-of-merges.ts'
import { MIGRATION_REFUSALS } from './refusals-of-migrations.ts'
import { PEOPLE_REFUSALS } from './refusals-of-people.ts'
import { PLATFORM_REFUSALS } from './refusals-of-platform.ts'
import { QA_REFUSALS } from './refusals-of-qa.ts'
import { ROLLBACK_REFUSALS } from './refusals-of-rollbacks.ts'
import { SERVICE_REFUSALS } from './refusals-of-services.ts'
import { TIME_REFUSALS } from './refusals-of-times.ts'
import { START_REFUSALS } from './start-refusals.ts'

type ByGate = { [G in Gate]: Extract<Refusal, { gate: G }> }

const WORDS: { readonly [G in Gate]: (refusal: ByGate[G], hints: Hints) => Words } = {
  ...PEOPLE_REFUSALS,
  ...SERVICE_REFUSALS,
  ...PLATFORM_REFUSALS,
  ...MERGE_REFUSALS,
  ...MIGRATION_REFUSALS,
  ...HOTFIX_REFUSALS,
  ...TIME_REFUSALS,
  ...LOCK_REFUSALS,
  ...START_REFUSALS,
  ...LOCK_REFUSALS,
  ...ROLLBACK_REFUSALS,
  ...QA_REFUSALS,
}

function wordsOf<G extends Gate>(gate: G, refusal: ByGate[G], hints: Hints): Words {
  return WORDS[gate](refusal, hints)
}

/** The words of a refusal. */
export function refusalWords(refusal: Refusal, hints: Hints): Words {
  const words = wordsOf(refusal.gate, refusal, hints)
  return Object.hasOwn(HOTFIX_REFUSALS, refusal.gate) ? { cant: 'plan this hot-fix', ...words } : words
}

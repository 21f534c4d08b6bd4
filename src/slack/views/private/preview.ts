/** What a release would deploy, without requesting one. */
import { defined } from '../../../lib/defined.ts'
import { type BoundDatabase, databasesOf, type Proof } from '../../../release/plan.ts'
import { code, context, type Drawn, richLines, section } from '../parts/blocks.ts'
import { place, whatGoes } from '../parts/facts.ts'
import { planBlocks } from '../parts/plan-blocks.ts'
import { type ProofNow, proofWords } from '../parts/proof.ts'
import { defused } from '../parts/text.ts'
import type { MessageOf, PrivateFacts } from './private-facts.ts'

export function preview({ app, environment, plan }: MessageOf<'preview'>, { services }: PrivateFacts): Drawn {
  const at = place({ app, environment })
  return {
    text: `A release of ${app} to ${environment} would deploy ${whatGoes(plan)}. Nothing was changed.`,
    blocks: [
      section(`*Preview: ${at}.* No release was requested, and nothing was changed.`),
      ...planBlocks(plan, { services, kind: plan.bound.kind }),
      ...(plan.proof === undefined ? [] : [context(proofWords(asPlanned(plan.proof)))]),
      context(
        [
          ...(plan.bound.database === null ? ['No database'] : databasesOf(plan.bound).map(databaseWords)),
          `Steps: ${plan.steps.join(', ')}`,
        ].join(' · '),
      ),
      richLines([['To request it: ', code(`/deploy ${app} ${environment}`)]]),
    ],
  }
}

/** A preview was made just now, of releases that counted then. */
function asPlanned({ by, ...proof }: Proof): ProofNow {
  const [newest] = by
  return { ...proof, noLonger: [], ...defined({ by: newest?.number }) }
}

function databaseWords({ name, revisions, pending }: BoundDatabase): string {
  const at = revisions
    .slice(0, 3)
    .map((one) => defused(one, 12))
    .join(', ')
  const called = name === undefined ? 'Database' : `Database ${name}`
  return `${called} at ${at === '' ? 'no revision yet' : at}${pending.length === 0 ? ', nothing pending' : ''}`
}

/** The modal of QA for each change: its facts when it opens, and what its submission says. */
import { defined } from '../lib/defined.ts'
import { runWithTimeout } from '../lib/timeout.ts'
import { owed } from '../release/policy.ts'
import type { Release } from '../release/release.ts'
import type { QaRequest } from '../release/transitions/index.ts'
import { authorsAsked, environmentOf } from './drawing.ts'
import { VIEW } from './ids.ts'
import { contextOf, metadata } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import type { AuthorsInSlack } from './views/parts/people.ts'
import { QA_FIELD, qaModal } from './views/qa-modal.ts'

type Submission = Extract<Arrival, { is: 'submission' }>

/** Slack opens a modal within 3 s of the click. The names are known by then, as a rule: the card has them. */
const NAMES_WITHIN_MS = 800

/** The authors in Slack whom the modal names; those of git where Slack does not answer soon. */
export async function authorsForModal(ports: HandlerPorts, release: Release): Promise<AuthorsInSlack | undefined> {
  const environment = environmentOf(ports.apps, release)
  if (environment === undefined) return undefined
  const found = await runWithTimeout(NAMES_WITHIN_MS, () => authorsAsked(ports, owed(environment, release)))
  return found.ok ? found.value : undefined
}

/** What was ticked and named. Each field is as the modal has it: an id of a change, several separated by spaces. */
export function qaRequest(values: Submission['values']): QaRequest {
  const tested = Object.entries(values)
    .filter(([field]) => field.startsWith(QA_FIELD.tested))
    .flatMap(([, ids]) => ids.split(' ').filter((id) => id !== ''))
  return { tested, ...defined({ problemWith: values[QA_FIELD.problem], reason: values[QA_FIELD.reason] }) }
}

/** The modal again, with what was ticked and typed: it says now that sending it starts the release. */
export async function startingQaModal(
  ports: HandlerPorts,
  { values, user, metadata: carried }: Submission,
  release: Release,
) {
  const context = contextOf(carried)
  if (context === undefined) return undefined
  const authorsInSlack = await authorsForModal(ports, release)
  return qaModal({
    callback: VIEW.qa,
    release,
    user,
    now: await ports.store.now(),
    metadata: metadata({ ...context, starts: true }),
    filled: { ...qaRequest(values), ...defined({ note: values[QA_FIELD.note] }) },
    ...defined({ authorsInSlack }),
  })
}

/** Private answers to commands and clicks, and what people are told without having asked. Nobody else sees them, and they mention nobody. */
import type { PrivateMessage } from '../../../release/messages.ts'
import { controlButton } from '../control-buttons.ts'
import { goMessage } from '../hotfix-private.ts'
import { type Drawn, richLines } from '../parts/blocks.ts'
import { cleaned, cut, defused } from '../parts/text.ts'
import { refusalMessage } from '../refusal-message.ts'
import { report } from '../report.ts'
import { ended } from './ended.ts'
import { help } from './help.ts'
import { history } from './history.ts'
import { free, locked, lockHeld, locks, lockTakenOver, lockUnlocked } from './locks.ts'
import { notTaken } from './not-taken.ts'
import { planning } from './planning.ts'
import { preview } from './preview.ts'
import { type MessageOf, type PrivateFacts, plainMessage } from './private-facts.ts'
import { receipt } from './receipt.ts'
import { startQuestion } from './start.ts'
import { status } from './status.ts'
import { missed, needsAttention, reminder } from './told.ts'

type Kind = PrivateMessage['is']

const DRAW: { readonly [Is in Kind]: (message: MessageOf<Is>, facts: PrivateFacts) => Drawn } = {
  planning,
  refusal: ({ refusal }, facts) => refusalMessage(refusal, facts),
  preview,
  ended,
  reminder,
  'needs attention': needsAttention,
  missed,
  'not taken': notTaken,
  start: startQuestion,
  go: ({ number }, { release, services, goToken }) =>
    release === undefined ? plainMessage(`#${number} is planned.`) : goMessage(release, services, goToken),
  done: ({ text }) => ({
    text: defused(text, 2000),
    blocks: [richLines([[cut(cleaned(text), 2000) || ' ']])],
  }),
  help,
  status,
  history,
  locks,
  locked,
  'lock held': lockHeld,
  'lock taken over': lockTakenOver,
  'lock unlocked': lockUnlocked,
  free,
  receipt,
  report: (message, { figures = { figures: [], isComplete: true }, offers = [] }) =>
    report(message, { ...figures, buttons: offers.map(controlButton) }),
}

/** Draws what one person reads. */
export function privateMessage(message: PrivateMessage, facts: PrivateFacts): Drawn {
  return draw(message.is, message, facts)
}

function draw<Is extends Kind>(is: Is, message: MessageOf<Is>, facts: PrivateFacts): Drawn {
  return DRAW[is](message, facts)
}

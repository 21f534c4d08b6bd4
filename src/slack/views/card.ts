/** The card: a release's one message, drawn from what is stored. The same release gives the same card. */
import type { Action } from '../../release/actions.ts'
import type { Release } from '../../release/release.ts'
import { buttons } from './buttons.ts'
import { cardText } from './card-text.ts'
import { heldBlocks } from './held.ts'
import { actions, type Drawn, header } from './parts/blocks.ts'
import { disputedBlocks } from './parts/disputed.ts'
import { title } from './parts/facts.ts'
import { withNamesApart } from './parts/persons.ts'
import { problemOf } from './problem.ts'
import { STATE_VIEWS } from './state/index.ts'
import type { CardFacts, StateFacts } from './state/state-view.ts'

/** Draws a release as it stands: what its state lays out, with the buttons for which there are tokens. */
export function card(stored: Release, facts: CardFacts): Drawn {
  const release = withNamesApart(stored)
  const view = STATE_VIEWS[release.state]
  const draw = (wanted: readonly Action[]) => buttons(wanted, release, facts)
  const pieces: StateFacts = {
    ...facts,
    problem: problemOf(release, facts),
    held: heldBlocks(release, facts),
    cancel: draw(['cancel'])[0],
    details: draw(['details'])[0],
    planAgain: draw(['plan again'])[0],
    changeTime: draw(['change time'])[0],
    row: actions(draw(view.row(release, facts.owed))),
  }
  return {
    text: cardText(release, facts),
    blocks: [header(title(release)), ...view.card(release, pieces), ...disputedBlocks(release, facts)],
  }
}

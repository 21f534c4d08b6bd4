/** Asks one person before their sign-off starts a release: the button that they clicked did not say so. */
import { START } from '../../ids.ts'
import { startWords } from '../confirmations.ts'
import { actions, context, type Drawn, plain, section } from '../parts/blocks.ts'
import { called, destroyed } from '../parts/facts.ts'
import { SIGN_OFF_WORD } from '../parts/owed.ts'
import { defused } from '../parts/text.ts'
import { STATE_VIEWS } from '../state/index.ts'
import { type MessageOf, type PrivateFacts, plainMessage } from './private-facts.ts'

export function startQuestion({ number, action }: MessageOf<'start'>, { release, startToken }: PrivateFacts): Drawn {
  if (release === undefined) return plainMessage(`Release #${number} did not start.`)
  if (release.state !== 'awaiting sign-off' || startToken === undefined) {
    return plainMessage(`${called(release)} ${STATE_VIEWS[release.state].inSentence}. Nothing was recorded.`)
  }
  const words = defused(startWords(release), 2000)
  const start = {
    type: 'button' as const,
    action_id: START,
    text: plain('Start', 75),
    value: startToken,
    style:
      release.plan !== undefined && destroyed(release.plan).length > 0 ? ('danger' as const) : ('primary' as const),
    accessibility_label: `Start release ${number} on ${release.environment}`.slice(0, 75),
  }
  return {
    text: words,
    blocks: [
      section([
        `*${words}*`,
        `Yours is the last sign-off that it needs. *Start* records your ${SIGN_OFF_WORD[action]}. Nothing was recorded yet.`,
      ]),
      ...actions([start]),
      context('Only you see this'),
    ],
  }
}

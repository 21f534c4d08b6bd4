/** Tells the requester why a release ended before it had a card. */
import { buttons } from '../buttons.ts'
import { cardText } from '../card-text.ts'
import { actions, type Drawn, section } from '../parts/blocks.ts'
import { forEmergency } from '../parts/decisions.ts'
import { called, where } from '../parts/facts.ts'
import { subject } from '../parts/sentence.ts'
import { defused } from '../parts/text.ts'
import { problemOf } from '../problem.ts'
import { refusalBlocks } from '../refusal-message.ts'
import { STATE_VIEWS } from '../state/index.ts'
import { type MessageOf, type PrivateFacts, plainMessage } from './private-facts.ts'

export function ended(
  { number }: MessageOf<'ended'>,
  { release, environment, emergencyToken, ...facts }: PrivateFacts,
): Drawn {
  if (release === undefined) return plainMessage(`Release #${number} ended before it had a card.`)
  const refused = release.problem?.because
  const words = problemOf(release, { ...facts, environment })
  if (release.state === 'refused' && refused !== undefined && words !== undefined) {
    const title = `${called(release)}: ${where(release)}`
    return {
      text: `${subject(release)} was refused: ${defused(words.why, 400)}. Nothing was changed.`,
      blocks: [
        section(`*${defused(title)}*`),
        ...refusalBlocks(words, refused.gate),
        ...(environment === undefined || emergencyToken === undefined
          ? []
          : actions(
              buttons(forEmergency(release), release, {
                environment,
                tokens: { 'plan for an emergency': emergencyToken },
                owed: [],
              }),
            )),
      ],
    }
  }
  if (environment === undefined) return plainMessage(`${called(release)} ${STATE_VIEWS[release.state].inSentence}.`)
  return plainMessage(cardText(release, { services: facts.services, environment, owed: [] }))
}

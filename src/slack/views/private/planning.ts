/** A release was requested and is being planned. */
import { type Drawn, section } from '../parts/blocks.ts'
import { kindCalled, place } from '../parts/facts.ts'
import { together, utc } from '../parts/text.ts'
import { type MessageOf, plainMessage } from './private-facts.ts'

export function planning({ number, app, environment, kind = 'deploy', noWorker }: MessageOf<'planning'>): Drawn {
  const of = kind === 'rollback' ? place({ app, environment }) : `${app} to ${environment}`
  const text = `${kindCalled({ kind, number })} of ${of} is being planned.`
  if (noWorker === undefined) return plainMessage(`${text} Its card appears when the plan is ready.`)
  const seen =
    noWorker.lastSeen === undefined
      ? 'No worker has been seen yet.'
      : `A worker was last seen on ${utc(new Date(noWorker.lastSeen))}.`
  return {
    text: `${text} No worker responds, so the release waits for one for up to 10 minutes. ${seen}`,
    blocks: [
      section([
        text,
        `:warning: No worker responds, so the release waits for one for up to ${together(10, 'minutes')}. ${seen}`,
      ]),
    ],
  }
}

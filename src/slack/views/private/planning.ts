/** A release was made, and is being planned. */
import { type Drawn, section } from '../parts/blocks.ts'
import { together, utc } from '../parts/text.ts'
import { type MessageOf, told } from './private-facts.ts'

export function planning({ number, app, environment, kind, noWorker }: MessageOf<'planning'>): Drawn {
  const text = `${kind === 'hotfix' ? 'Hot-fix' : 'Release'} #${number} of ${app} to ${environment} is being planned.`
  if (noWorker === undefined) return told(`${text} Its card comes when the plan is made.`)
  const seen =
    noWorker.lastSeen === undefined
      ? 'None was ever seen.'
      : `One was last seen on ${utc(new Date(noWorker.lastSeen))}.`
  return {
    text: `${text} No worker answers, so it waits for one for at most 10 minutes. ${seen}`,
    blocks: [
      section([
        text,
        `:warning: No worker answers, so it waits for one for at most ${together(10, 'minutes')}. ${seen}`,
      ]),
    ],
  }
}

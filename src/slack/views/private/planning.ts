/** A release was requested and is being planned. */
import { type Drawn, richLines, section } from '../parts/blocks.ts'
import { noWorkerResponds } from '../parts/card-lines.ts'
import { kindCalled, place } from '../parts/facts.ts'
import { richStartsAt, scheduleOf, startsAtSpoken } from '../parts/schedule.ts'
import { defused, together, utc } from '../parts/text.ts'
import { type MessageOf, plainMessage } from './private-facts.ts'

export function planning(message: MessageOf<'planning'>): Drawn {
  const { number, app, environment, kind = 'deploy', noWorker, startAt, timeZone } = message
  const of = kind === 'rollback' ? place({ app, environment }) : `${app} to ${environment}`
  const name = `${kindCalled({ kind, number })} of ${of}`
  const schedule = startAt === undefined ? undefined : scheduleOf({ at: startAt, timeZone: timeZone ?? 'UTC' })
  const text = `${name} is being planned${schedule === undefined ? '' : `, to start on ${startsAtSpoken(schedule)}`}.`
  if (noWorker === undefined) {
    const card = 'Its card appears when the plan is ready.'
    if (schedule === undefined) return plainMessage(`${text} ${card}`)
    const fixed = 'The plan keeps to the commits that are there now.'
    return {
      text: `${text} ${card} ${fixed}`,
      blocks: [richLines([[`${name} is being planned, to start: `, richStartsAt(schedule), `. ${card} ${fixed}`]])],
    }
  }
  const { lastSeen, host } = noWorker
  const responds = noWorkerResponds(noWorker)
  const seen =
    lastSeen === undefined
      ? 'No worker has been seen yet.'
      : `A worker was last seen on ${utc(new Date(lastSeen))}${host === undefined ? '' : `, on ${defused(host, 60)}`}.`
  return {
    text: `${text} ${responds}, so the release waits for one for up to 10 minutes. ${seen}`,
    blocks: [
      section([
        text,
        `:warning: ${responds}, so the release waits for one for up to ${together(10, 'minutes')}. ${seen}`,
      ]),
    ],
  }
}

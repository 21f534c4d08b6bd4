/** The messages of refusals about locks. */
import type { Refusal } from '../../release/refusals.ts'
import { code, type Line, richDate } from './parts/blocks.ts'
import { place } from './parts/facts.ts'
import { cut, oneLine } from './parts/text.ts'
import { displayName, type Words } from './parts/words.ts'

type LockGate = 'environment_locked' | 'not_locked'

export const LOCK_REFUSALS: {
  readonly [G in LockGate]: (refusal: Extract<Refusal, { gate: G }>) => Words
} = {
  environment_locked: (refusal) => {
    const { holder, reason, since, until, all, asked } = refusal
    const where = all ? 'all environments are' : `${placeOf(refusal)} is`
    const by = displayName(holder.name)
    return {
      ...(asked === 'lock' && { cant: 'lock this' }),
      why: `${where} locked by ${by}`,
      next: [
        [`Reason: “${cut(oneLine(reason), 290)}”.`],
        [
          'Since: ',
          richDate(new Date(since), 'age'),
          ...(until === undefined ? [' · Without an end'] : [' · Until: ', richDate(new Date(until))]),
        ],
        advice(refusal, by),
      ],
    }
  },
  not_locked: (refusal) => ({
    cant: 'do this',
    why: `${refusal.app === undefined ? 'there is no lock over all environments' : `${placeOf(refusal)} is not locked`}`,
    next: [...endedHow(refusal), ['To list the locks, type ', code('/deploy lock'), '.']],
  }),
}

function placeOf({ app, environment }: { app?: string; environment?: string }): string {
  return app === undefined || environment === undefined ? 'this environment' : place({ app, environment })
}

function advice({ app, environment, all }: Extract<Refusal, { gate: 'environment_locked' }>, by: string): Line {
  if (all) {
    return [
      `This stops everybody, also ${by}, emergencies and automatic deploys. ${by} or someone who may approve can end it: `,
      code('/deploy unlock all'),
      '.',
    ]
  }
  const command = app === undefined || environment === undefined ? 'unlock' : `unlock ${app} ${environment}`
  return [`Ask ${by} to unlock it: `, code(`/deploy ${command}`), '. An emergency has to take the lock over first.']
}

function endedHow({ ended }: Extract<Refusal, { gate: 'not_locked' }>): Line[] {
  if (ended === undefined) return []
  const by = ended.by === undefined ? '' : ` by ${displayName(ended.by.name)}`
  const how = { unlocked: `It was unlocked${by}: `, 'taken over': `It was taken over${by}: `, expired: 'It ended: ' }
  return [[how[ended.how], richDate(new Date(ended.at)), '.']]
}

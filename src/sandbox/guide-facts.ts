/** Reads out of Slack and the systems what the guide goes by. The sandbox sees of Signoff only what people see. */
import type { GuideFacts, NewestRelease } from './next-step.ts'
import { PEOPLE, type PersonName } from './people.ts'
import type { Sandbox } from './sandbox.ts'
import type { Json, Message } from './slack/state.ts'
import { records, string } from './slack/state.ts'
import type { Systems } from './systems.ts'

/** Changes nothing. */
export function guideFacts({ slack }: Sandbox, as: PersonName, { environments }: Systems): GuideFacts {
  const cards = slack.messages('product').filter(isProductionCard)
  const told = PEOPLE.flatMap(({ name }) => slack.ephemerals(name)).toSorted((a, b) => a.ts.localeCompare(b.ts))
  const locks = told.filter(({ text }) => LOCKED.test(text) || UNLOCKED.test(text))
  return {
    as,
    release: newestRelease(slack, cards.at(-1)),
    isUpToDate: environments.find(({ name }) => name === 'production')?.behind === 0,
    isLocked: LOCKED.test(locks.at(-1)?.text ?? ''),
    tried: {
      lock: locks.length > 0,
      schedule: told.some(({ text }) => SCHEDULED.test(text)),
      rollBack: cards.some((card) => /rollback/i.test(titleOf(card))),
    },
    succeeded: cards.filter(({ text }) => /succeeded/.test(slack.readable(text))).length,
  }
}

/** A refusal that names a lock begins otherwise. */
const LOCKED = /^\S+ production is locked by /
const UNLOCKED = /^The lock of \S+ production has ended/
const SCHEDULED = /to production is being planned, to start on /

/** Of a rollback it has no arrow. */
const isProductionCard = (message: Message) => / production$/.test(titleOf(message))

const titleOf = ({ blocks }: Message) => (blocks[0]?.type === 'header' ? string(textOf(blocks[0])) : '')

function newestRelease(slack: Sandbox['slack'], card: Message | undefined): NewestRelease {
  const isRequested = slack.ephemerals('dana').some(({ text, ts }) => /production/.test(text) && ts > (card?.ts ?? '0'))
  if (card === undefined) return isRequested ? { step: 'wait' } : { step: 'ask' }
  const labels = new Set(labelsOf(card.blocks))
  const { ts } = card
  const words = slack.readable(card.text)
  if (labels.has('Talked over')) return { step: 'talk', ts }
  const button = (['QA passed', 'QA…'] as const).find((label) => labels.has(label))
  if (button !== undefined && !/succeeded/.test(words)) return { step: 'qa', ts, button }
  if (labels.has('Approve') && !/succeeded/.test(words)) return { step: 'approve', ts }
  const offers = (['Retry', 'Plan again'] as const).find((label) => labels.has(label))
  if (offers !== undefined) return { step: 'stopped', ts, words, offers }
  if (labels.has('Start now')) return { step: 'scheduled', ts }
  if (labels.has('Cancel')) return { step: 'running', ts }
  return /succeeded/.test(words) ? { step: 'done', ts, words } : { step: 'stopped', ts, words, offers }
}

const textOf = (block: Json): unknown => (block.text as Json | undefined)?.text

function labelsOf(blocks: readonly Json[]): string[] {
  return blocks
    .flatMap((block) => [...records(block.elements), ...records([block.accessory])])
    .filter(({ type }) => type === 'button')
    .map((button) => string(textOf(button)))
}

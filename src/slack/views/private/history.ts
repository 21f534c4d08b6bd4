/** The last releases, newest first, and the command for older ones. */
import type { KnownBlock } from '@slack/types'
import type { LockFacts } from '../../../release/lock.ts'
import { isEmergency, type Release } from '../../../release/release.ts'
import { context, type Drawn, section } from '../parts/blocks.ts'
import { place, signers, whatGoes } from '../parts/facts.ts'
import { lockInHistory } from '../parts/lock-lines.ts'
import { badLine } from '../parts/mark.ts'
import { byWhom } from '../parts/persons.ts'
import { startsAt } from '../parts/schedule.ts'
import { capital, counted, date, defused } from '../parts/text.ts'
import { STATE_VIEWS } from '../state/index.ts'
import { linkedName, type MessageOf, type PrivateFacts, plainMessage } from './private-facts.ts'

/** How many releases one answer shows. */
export const HISTORY = 10

export function history(message: MessageOf<'history'>, facts: PrivateFacts): Drawn {
  const { releases, app, environment, before } = message
  const shown = releases.slice(0, HISTORY)
  const oldest = shown.at(-1)
  if (oldest === undefined) {
    const of = [app, environment].filter((word) => word !== undefined).join(' ')
    const which = `no releases${of === '' ? '' : ` of ${of}`}`
    return plainMessage(before === undefined ? `There are ${which} yet.` : `There are ${which} older than #${before}.`)
  }
  const spoken = shown.slice(0, 5).map((release) => `#${release.number} ${STATE_VIEWS[release.state].inSentence}`)
  const blocks: KnownBlock[] = withLocks(shown, message.locks ?? [], facts)
  if (releases.length > shown.length) {
    const isAll = app === undefined && environment === undefined
    // Numbers have no gaps.
    const older = isAll ? `${oldest.number - 1} older` : 'Older releases'
    const command = ['/deploy history', app, environment, oldest.number].filter((word) => word !== undefined).join(' ')
    blocks.push(context(`${older}: \`${command}\``))
  }
  const last = shown.length === 1 ? 'The last release' : `The last ${shown.length} releases`
  const which = before === undefined ? last : `${counted(shown.length, 'release')} before #${before}`
  return { text: `${which}: ${spoken.join(', ')}.`, blocks }
}

/** The releases, and between them the locks by when they were set. */
function withLocks(releases: readonly Release[], locks: readonly LockFacts[], facts: PrivateFacts): KnownBlock[] {
  const blocks: KnownBlock[] = []
  let rest = locks
  for (const release of releases) {
    const since = new Date(release.requestedAt).getTime()
    const newer = rest.filter((lock) => new Date(lock.since).getTime() >= since)
    rest = rest.slice(newer.length)
    blocks.push(...newer.map((lock) => section(lockInHistory(lock))), section(historyLines(release, facts)))
  }
  return [...blocks, ...rest.map((lock) => section(lockInHistory(lock)))]
}

function historyLines(release: Release, facts: PrivateFacts): string[] {
  const view = STATE_VIEWS[release.state]
  const bad = badLine(release)
  const marks = [
    `:${view.emoji}:`,
    ...(isEmergency(release) ? [':rotating_light:'] : []),
    ...(release.kind === 'hotfix' ? [':adhesive_bandage:'] : []),
    ...(release.kind === 'rollback' ? [':rewind:'] : []),
  ]
  const people = [
    ['QA by', signers(release, 'qa')],
    ['approved by', signers(release, 'approval')],
  ] as const
  const signed = people
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => `${what} ${list.map((one) => defused(one, 40)).join(', ')}`)
  return [
    `${marks.join('')} *${linkedName(release, facts)}* ${defused(place(release))}: ${view.inList?.(release) ?? release.state}, ${date(release.endedAt ?? release.requestedAt, 'age')}`,
    capital(
      [
        ...(release.plan === undefined ? [] : [whatGoes(release.plan)]),
        `requested ${byWhom(release)}`,
        ...signed,
        ...(release.schedule === undefined
          ? []
          : [`${release.state === 'scheduled' ? 'starts' : 'time to start'}: ${startsAt(release.schedule)}`]),
      ].join(' · '),
    ),
    ...(bad === undefined ? [] : [bad]),
  ]
}

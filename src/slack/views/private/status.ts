/** What runs where, and what is in progress. */
import { type Head, isAutomatic, type NotDeployedBecause } from '../../../release/automatic.ts'
import { awaitsGo } from '../../../release/hotfix.ts'
import type { LockFacts } from '../../../release/lock.ts'
import type { EnvironmentStatus } from '../../../release/messages.ts'
import type { Release } from '../../../release/release.ts'
import type { Schedule } from '../../../release/schedule.ts'
import { context, type Drawn, section } from '../parts/blocks.ts'
import { noWorkerResponds, workerLastSeen } from '../parts/card-lines.ts'
import { place, whatGoes } from '../parts/facts.ts'
import { freezeLine } from '../parts/freeze.ts'
import { lockEmoji, lockedBy, lockedSpoken } from '../parts/lock-lines.ts'
import { byWhom } from '../parts/persons.ts'
import { startsAt, startsAtSpoken } from '../parts/schedule.ts'
import { date, defused, link, short } from '../parts/text.ts'
import { STATE_VIEWS } from '../state/index.ts'
import { linkedName, type MessageOf, type PrivateFacts } from './private-facts.ts'

const MOST = 20

export function status(message: MessageOf<'status'>, facts: PrivateFacts): Drawn {
  const shown = message.environments.slice(0, MOST)
  const left = message.environments.length - shown.length
  const seen =
    message.workerSeenAt === undefined
      ? ':warning: No worker has been seen yet'
      : `Worker last seen: ${date(new Date(message.workerSeenAt), 'age')}`
  return {
    text: `${allSpoken(message.all)}${shown.length === 0 ? 'No environment is declared.' : shown.slice(0, 5).map(statusSpoken).join(' ')}`,
    blocks: [
      ...(message.all === undefined
        ? []
        : [section(`${lockEmoji(message.all)} *All environments are locked* ${lockedBy(message.all)}`)]),
      ...shown.map((one) => section(statusLines(one, facts))),
      ...(left > 0 ? [context(`and ${left} more environments`)] : []),
      context(seen),
    ],
  }
}

function allSpoken(all: LockFacts | undefined): string {
  return all === undefined ? '' : `All environments are ${lockedSpoken(all)}. `
}

function statusSpoken({ app, environment, live, under_way: underWay, lock, freeze }: EnvironmentStatus): string {
  const runs = liveSpoken(live)
  const doing =
    underWay === undefined
      ? 'is idle'
      : `release #${underWay.number} ${awaitsGo(underWay) ? 'waits for Go' : STATE_VIEWS[underWay.state].inSentence}${whenSpoken(underWay)}`
  const locked = lock === undefined ? '' : ` It is ${lockedSpoken(lock)}.`
  return `${app} ${environment} ${runs} and ${doing}.${locked}${freeze?.is === 'frozen' ? ' It is frozen.' : ''}`
}

function liveSpoken(live: EnvironmentStatus['live']): string {
  if (live === undefined) return 'has not been deployed by Signoff yet'
  switch (live.is) {
    case 'proven':
      return `runs ${short(live.commit)}${live.rolledBack === undefined ? '' : `, rolled back to #${live.rolledBack.to},`}${live.bad === undefined ? '' : ', which is marked as bad,'}`
    case 'seen':
      return `ran ${live.commit === null ? 'nothing' : short(live.commit)} when #${live.number} checked`
    case 'held':
      return `still runs ${live.commit === null ? 'nothing' : short(live.commit)} because the release phase of ${short(live.holds)} failed in #${live.number},`
    case 'not known':
      return `has an unknown live commit since #${live.number}`
  }
}

/** `Live: 1f03ae2, #12 by Dana, 3 hours ago`, for mrkdwn. */
export function liveLine(live: EnvironmentStatus['live'], { services }: Pick<PrivateFacts, 'services'>): string {
  if (live === undefined) return 'Live: unknown (not deployed by Signoff yet)'
  if (live.is === 'not known' && live.since === 'not told') {
    return `Live: not known. The platform did not tell #${live.number} which commit it runs`
  }
  if (live.is === 'not known') {
    const stands = `#${live.number} ${STATE_VIEWS[live.state].inSentence}`
    const since =
      live.since === 'its push' ? 'its push had started, and the live commit was not confirmed' : 'the remote had moved'
    return `Live: :warning: unknown. ${stands}: ${since}`
  }
  const linked = (sha: string) => link(services.forge.pages.commit(live.webUrl, sha), short(sha))
  const commit = live.commit === null ? 'nothing' : linked(live.commit)
  if (live.is === 'held') {
    const held = `:warning: The remote has ${linked(live.holds)} but does not run it: its release phase failed`
    return `Live: ${commit}, as before #${live.number} · ${held}, ${date(new Date(live.at), 'age')}`
  }
  const seen = live.is === 'proven' ? provenBy(live) : `not deployed by Signoff, seen by #${live.number}`
  return `Live: ${commit}, ${seen}, ${date(new Date(live.at), 'age')}${live.is === 'proven' ? bad(live) : ''}`
}

type Proven = Extract<EnvironmentStatus['live'], { is: 'proven' }>

/** `#41 by Dana`, `#41, automatically`, `rolled back to #40 by Dana in #42`. */
function provenBy({ number, by, rolledBack }: Proven): string {
  if (rolledBack === undefined) {
    if (by === undefined) return `#${number}`
    return isAutomatic({ requester: by }) ? `#${number} automatically` : `#${number} by ${defused(by.name, 40)}`
  }
  return `rolled back to #${rolledBack.to} by ${defused(rolledBack.by.name, 40)} in #${number}`
}

function bad({ bad }: Proven): string {
  if (bad === undefined) return ''
  const why = bad.reason === undefined ? '' : `: ${defused(bad.reason, 150)}`
  return `\n:warning: Marked as bad by ${defused(bad.by.name, 40)}${why}`
}

/** An environment: its state, what it runs, what is under way, and what holds releases back. For mrkdwn. */
export function statusLines(
  { app, environment, live, under_way: underWay, lock, freeze, automatic, noWorker }: EnvironmentStatus,
  facts: Pick<PrivateFacts, 'services' | 'link'>,
): string[] {
  const frozen = freezeLine(freeze)
  const word = underWay !== undefined && awaitsGo(underWay) ? 'waiting for Go' : underWay?.state
  const state = underWay === undefined ? 'idle' : `:${STATE_VIEWS[underWay.state].emoji}: ${word}`
  return [
    `*${defused(place({ app, environment }))}* · ${state}`,
    liveLine(live, facts),
    ...(frozen === undefined ? [] : [frozen]),
    ...(underWay === undefined
      ? []
      : [`${linkedName(underWay, facts)}, requested ${byWhom(underWay)}${detail(underWay)}`]),
    ...(lock === undefined ? [] : [`${lockEmoji(lock)} Locked ${lockedBy(lock)}`]),
    ...automaticLine(automatic, live, facts),
    ...(noWorker === undefined ? [] : [`:warning: ${noWorkerResponds(noWorker)}. ${workerLastSeen(noWorker)}`]),
  ]
}

/** What of the head is deployed automatically, and why it is not yet. */
function automaticLine(
  automatic: EnvironmentStatus['automatic'],
  live: EnvironmentStatus['live'],
  { services }: Pick<PrivateFacts, 'services'>,
): string[] {
  if (automatic === undefined) return []
  const { branch, afterChecks, head } = automatic
  const deploys = `Deploys ${defused(branch, 60)} automatically${afterChecks ? ', after its builds pass' : ''}`
  if (head === undefined || (live?.is === 'proven' && live.commit === head.commit)) return [deploys]
  const webUrl = live !== undefined && 'webUrl' in live ? live.webUrl : undefined
  const commit =
    webUrl === undefined
      ? short(head.commit)
      : link(services.forge.pages.commit(webUrl, head.commit), short(head.commit))
  return [`${deploys}${whatOf(head, commit)}`]
}

function whatOf(head: Head, commit: string): string {
  const told: Record<NotDeployedBecause, string> = {
    failed: 'its builds failed',
    none: 'it has no builds',
    unfinished: 'its builds did not end in a day',
  }
  switch (head.state) {
    case 'due':
      return `. Next: ${commit}, as soon as it can`
    case 'builds':
      return head.told === undefined
        ? `. Next: ${commit}, waiting for its builds`
        : `. Not deployed: ${commit}, because ${told[head.told]}`
    case 'given up':
      return `. Not deployed: ${commit}, because ${told[head.told ?? 'unfinished']}`
    case 'remembered':
      return `. ${commit} was there when Signoff began to look: it goes with the next commit, or on request`
    case 'done':
      return ''
  }
}

function detail(release: Release): string {
  const what = release.plan === undefined ? '' : `: ${whatGoes(release.plan)}`
  return `${what}${waitsForTime(release) ? `. Starts: ${startsAt(release.schedule)}` : ''}`
}

function whenSpoken(release: Release): string {
  return waitsForTime(release) ? ` for ${startsAtSpoken(release.schedule)}` : ''
}

function waitsForTime(release: Release): release is Release & { readonly schedule: Schedule } {
  return release.schedule !== undefined && release.approvedAt === undefined
}

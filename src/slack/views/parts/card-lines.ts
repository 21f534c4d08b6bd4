/** Lines that the cards of several states share. */
import type { Button, ContextBlock, KnownBlock } from '@slack/types'
import type { Release } from '../../../release/release.ts'
import { hasEnded, type MissingWorker } from '../../../release/terms.ts'
import { bold, context, type Line, quote, rich, richLines, richSection, section } from './blocks.ts'
import { summary, whoSigned } from './facts.ts'
import { gate } from './gate-line.ts'
import { type PersonFacts, requestedHow, shown } from './persons.ts'
import { date, defused, eight, oneLine, together } from './text.ts'

/** The card's first line below its header: an emoji, the state's word in bold, and one fact. */
export function stateLine(emoji: string, word: string, fact = ''): string {
  return `:${emoji}: *${word}*${fact}`
}

/** A section with these lines; nothing where there are none. */
export function linesIfAny(lines: readonly string[]): KnownBlock[] {
  return lines.length === 0 ? [] : [section(lines)]
}

/** The same in rich text. */
export function richLinesIfAny(lines: readonly Line[]): KnownBlock[] {
  return lines.length === 0 ? [] : [richLines(lines)]
}

/** The reason of a hot-fix, a rollback and an emergency, as they were written. */
export function reasons(release: Release): KnownBlock[] {
  const emergency = release.signOffs.find(({ kind }) => kind === 'emergency')
  const ended = hasEnded(release.state)
  return [
    ...(release.reason === undefined
      ? []
      : [rich(richSection([bold(oneLine(release.requester.name)), whyAsked(release)]), quote(release.reason))]),
    ...(emergency === undefined
      ? []
      : [
          rich(
            richSection([
              bold(oneLine(emergency.person.name)),
              ` ${ended ? 'said' : 'says'} that this must go out now:`,
            ]),
            quote(emergency.note ?? ''),
          ),
        ]),
  ]
}

function whyAsked({ kind, state }: Release): string {
  if (kind !== 'rollback') return ' says that this can’t wait for review:'
  return state === 'succeeded' ? ' rolled back because:' : ' rolls back because:'
}

/** Where no worker can take the release: that it waits, and which worker could last, and when. */
export function noWorkerWarning({ noWorker }: { readonly noWorker?: MissingWorker }): KnownBlock[] {
  if (noWorker === undefined) return []
  return [context(`:warning: ${noWorkerResponds(noWorker)}, so this release waits. ${workerLastSeen(noWorker)}`)]
}

/** `No worker responds`; of a group: `No worker of group production-net responds`. */
export function noWorkerResponds({ group }: MissingWorker): string {
  return `No worker${group === undefined ? '' : ` of group ${group}`} responds`
}

/** The host that could last, and when. */
export function workerLastSeen({ lastSeen, host }: MissingWorker): string {
  if (lastSeen === undefined) return 'No worker has been seen yet.'
  return `Last seen: ${host === undefined ? '' : `${defused(host, 60)}, `}${date(new Date(lastSeen))}`
}

/** What the plan deploys in one line, with the button for its details. */
export function planSummary(release: Release, { details }: { readonly details: Button | undefined }): KnownBlock[] {
  return release.plan === undefined ? [] : [section(summary(release, release.plan), details)]
}

/** The requester and the time: the beginning of the last line until it is decided. */
export function askedOn(release: Release, facts: PersonFacts): string {
  return `${requestedHow(release, shown(release.requester, facts))}, ${date(release.requestedAt)}`
}

/** The card's last line: who requested and signed, what was signed, and when it expires. */
export function foot(
  release: Release,
  facts: PersonFacts,
  who = whoSigned(release, facts),
  expiresAt?: Date,
): ContextBlock {
  return context(
    [
      who,
      ...(release.fingerprint === undefined ? [] : [together('Plan:', `\`${eight(release.fingerprint)}\``)]),
      ...(expiresAt === undefined ? [] : [`Expires: ${date(expiresAt)}`]),
      ...(release.problem === undefined ? [] : [gate(release.problem.because.gate)]),
      ...(release.endedAt === undefined ? [] : [`Ended: ${date(release.endedAt)}`]),
    ].join(' · '),
  )
}

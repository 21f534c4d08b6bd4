/** Lines that the cards of several states share. */
import type { Button, ContextBlock, KnownBlock } from '@slack/types'
import type { Release } from '../../../release/release.ts'
import { hasEnded } from '../../../release/terms.ts'
import { bold, context, quote, rich, richSection, section } from './blocks.ts'
import { summary, whoSigned } from './facts.ts'
import { gate } from './gate-line.ts'
import { date, defused, eight, oneLine, together } from './text.ts'

/** The card's first line below its header: an emoji, the state's word in bold, and one fact. */
export function stateLine(emoji: string, word: string, fact = ''): string {
  return `:${emoji}: *${word}*${fact}`
}

/** A section with these lines; nothing where there are none. */
export function linesIfAny(lines: readonly string[]): KnownBlock[] {
  return lines.length === 0 ? [] : [section(lines)]
}

/** The hot-fix's and the emergency's reason, as they were written. */
export function reasons(release: Release): KnownBlock[] {
  const emergency = release.signOffs.find(({ kind }) => kind === 'emergency')
  const ended = hasEnded(release.state)
  return [
    ...(release.reason === undefined
      ? []
      : [
          rich(
            richSection([bold(oneLine(release.requester.name)), ' says that it cannot wait for review:']),
            quote(release.reason),
          ),
        ]),
    ...(emergency === undefined
      ? []
      : [
          rich(
            richSection([bold(oneLine(emergency.person.name)), ` ${ended ? 'said' : 'says'} that it must go out now:`]),
            quote(emergency.note ?? ''),
          ),
        ]),
  ]
}

/** Where no worker is there to go on: that it waits, and when one was last seen. */
export function noWorkerWarning({ noWorker }: { readonly noWorker?: { readonly lastSeen?: Date } }): KnownBlock[] {
  if (noWorker === undefined) return []
  const seen = noWorker.lastSeen === undefined ? 'None was ever seen.' : `Last seen: ${date(noWorker.lastSeen)}`
  return [context(`:warning: No worker answers, so this waits. ${seen}`)]
}

/** What the plan deploys in one line, with the button for its details. */
export function planSummary(release: Release, { details }: { readonly details: Button | undefined }): KnownBlock[] {
  return release.plan === undefined ? [] : [section(summary(release, release.plan), details)]
}

/** Who asked, and when: the beginning of the last line while nothing is decided. */
export function askedOn({ requester, requestedAt }: Release): string {
  return together('Asked:', `${defused(requester.name, 40)}, ${date(requestedAt)}`)
}

/** The card's last line: who asked and signed, what was signed, and when it ends by itself. Names nobody by mention. */
export function foot(release: Release, who = whoSigned(release), expiresAt?: Date): ContextBlock {
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

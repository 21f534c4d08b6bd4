/** The plan of a hot-fix or a rollback where nobody signs, shown to its requester alone, with the button that starts it. */
import type { ServiceWords } from '../../release/ports/words.ts'
import type { Release } from '../../release/release.ts'
import { ACTION_VIEWS } from '../actions.ts'
import { button } from './buttons.ts'
import { confirmStart } from './confirmations.ts'
import { actions, context, type Drawn, quote, rich, richSection, section } from './parts/blocks.ts'
import { title } from './parts/facts.ts'
import { planBlocks } from './parts/plan-blocks.ts'
import { subject } from './parts/sentence.ts'
import { date, defused, eight } from './parts/text.ts'

/** `token` identifies the release and Go; without it, or without a plan, only the sentence is shown. */
export function goMessage(release: Release, services: ServiceWords, token: string | undefined): Drawn {
  const { plan, number, kind, reason, expiresAt, fingerprint } = release
  const text = `${subject(release)} is planned and waits for your Go. Nothing was changed.`
  if (plan === undefined || token === undefined) return { text, blocks: [section(text)] }
  return {
    text,
    blocks: [
      section([
        `*${defused(title(release))}*`,
        `The ${kind === 'rollback' ? 'rollback' : 'hot-fix'} is planned and starts when you press *Go*. Nothing was changed.`,
      ]),
      ...planBlocks(plan, { services, kind: release.kind }),
      ...(reason === undefined
        ? []
        : [rich(richSection([kind === 'rollback' ? 'Your reason:' : 'This can’t wait for review:']), quote(reason))]),
      ...actions([button('go', release, { token, isPrimary: true, question: confirmStart(release, ACTION_VIEWS.go) })]),
      context(
        [
          'Only you see this',
          `To cancel: \`/deploy cancel ${number}\``,
          ...(expiresAt === undefined ? [] : [`Expires: ${date(expiresAt)}`]),
          ...(fingerprint === undefined ? [] : [`Plan: \`${eight(fingerprint)}\``]),
        ].join(' · '),
      ),
    ],
  }
}

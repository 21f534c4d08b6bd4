/** The plan of a hot-fix where nobody signs, shown to its requester alone, with the button that lets it go. */
import type { ServiceWords } from '../../release/ports/words.ts'
import type { Release } from '../../release/release.ts'
import { ACTION, BUTTON_LABEL } from '../ids.ts'
import { actions, context, type Drawn, plain, quote, rich, richSection, section } from './blocks.ts'
import { startWords } from './buttons.ts'
import { called, place, title } from './facts.ts'
import { planBlocks } from './plan-blocks.ts'
import { date, defused, eight } from './text.ts'

/** `token` stands for the release and for Go; without it, or without a plan, there is only the sentence. */
export function goMessage(release: Release, services: ServiceWords, token: string | undefined): Drawn {
  const { plan, number, reason, expiresAt, fingerprint } = release
  const text = `${called(release)} of ${release.app} to ${release.environment} is planned and waits for your Go. Nothing was changed.`
  if (plan === undefined || token === undefined) return { text, blocks: [section(text)] }
  return {
    text,
    blocks: [
      section([
        `*${defused(title(release))}*`,
        'The plan is made, and nothing was changed. It starts when you press Go.',
      ]),
      ...planBlocks(plan, { services, kind: release.kind }),
      ...(reason === undefined ? [] : [rich(richSection(['It cannot wait for review:']), quote(reason))]),
      ...actions([
        {
          type: 'button',
          action_id: ACTION.go,
          text: plain(BUTTON_LABEL.go, 75),
          value: token,
          style: 'primary',
          accessibility_label: `Go: start hot-fix ${number} on ${place(release)}`.slice(0, 75),
          confirm: {
            title: plain(`Go: ${called(release)}?`, 100),
            text: plain(startWords(release), 300),
            confirm: plain(BUTTON_LABEL.go, 30),
            deny: plain('Go back', 30),
          },
        },
      ]),
      context(
        [
          'Only you see this',
          `To drop it: \`/deploy cancel ${number}\``,
          ...(expiresAt === undefined ? [] : [`Expires: ${date(expiresAt)}`]),
          ...(fingerprint === undefined ? [] : [`Plan: \`${eight(fingerprint)}\``]),
        ].join(' · '),
      ),
    ],
  }
}

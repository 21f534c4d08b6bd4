/** The receipt of a sign-off, to the person who gave it. */
import type { SignOffKind } from '../../../release/terms.ts'
import { CONTROLS } from '../../controls.ts'
import { controlButton } from '../control-buttons.ts'
import { actions, context, type Drawn, section } from '../parts/blocks.ts'
import { quoted } from '../parts/ended.ts'
import { called, place, summary, where } from '../parts/facts.ts'
import { cleaned, date, defused, utc } from '../parts/text.ts'
import { linkedName, type MessageOf, type PrivateFacts, plainMessage } from './private-facts.ts'

/** After `You `. */
const YOU: Readonly<Record<SignOffKind, (release: string) => string>> = {
  qa: (release) => `confirmed QA of ${release}`,
  approval: (release) => `approved ${release}`,
  'talked over': (release) => `confirmed that ${release} was discussed with the team`,
  rejection: (release) => `rejected ${release}`,
  emergency: (release) => `said that ${release} must go out now`,
}

/** What was signed, on which release and plan, and when; with **That was not me**. */
export function receipt(message: MessageOf<'receipt'>, facts: PrivateFacts): Drawn {
  const { number, kind, person, at, fingerprint } = message
  const { release, offers = [] } = facts
  if (release === undefined) return plainMessage(`You ${YOU[kind](`#${number}`)}.`)
  const given = [...release.signOffs, ...(release.disputed ?? [])].find(
    (each) => each.kind === kind && each.person.id === person && each.at.toISOString() === at,
  )
  const moment = new Date(at)
  const what = release.plan === undefined ? [] : [summary(release, release.plan)]
  return {
    text: `You ${YOU[kind](called(release))}, ${defused(place(release), 100)}, at ${utc(moment)}. If that was not you, press ${CONTROLS['not me'].label}.`,
    blocks: [
      section([`:receipt: *You ${YOU[kind](linkedName(release, facts))}:* ${defused(where(release), 100)}`, ...what]),
      ...quoted(given?.note === undefined ? undefined : cleaned(given.note)),
      section(
        `If that was not you, press *${CONTROLS['not me'].label}*. Your sign-off is void then, and the release is stopped if it can be.`,
      ),
      ...actions(offers.map(controlButton)),
      context(`Signed: ${date(moment)} · Plan: \`${fingerprint.replaceAll(/[^0-9a-f]/g, '').slice(0, 64)}\``),
    ],
  }
}

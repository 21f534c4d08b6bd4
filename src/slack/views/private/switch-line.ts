import { DIRECT_MESSAGE_SWITCHES, type DirectMessageKind } from '../../../release/direct-messages.ts'
import { context, type Drawn, section } from '../parts/blocks.ts'
import { defused } from '../parts/text.ts'

/** Says below a direct message that nobody asked for where to switch its kind off. */
export function withSwitch({ text, blocks }: Drawn, kind: DirectMessageKind, botName = 'Signoff'): Drawn {
  const { label } = DIRECT_MESSAGE_SWITCHES[kind]
  const off = `To stop these messages, turn off *${label}* on the Home tab of ${defused(botName, 40)}`
  return { text, blocks: [...(blocks ?? [section(text)]), context(off)] }
}

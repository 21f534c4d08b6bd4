/** A gate's public reason code, for support and for searching. */
import type { ContextBlock } from '@slack/types'
import { context } from './blocks.ts'

/** The code, for mrkdwn. */
export function gate(code: string): string {
  return `Gate: \`${code.replaceAll(/[^a-z_]/g, '')}\``
}

/** The code, as a line of its own. */
export function gateLine(code: string): ContextBlock {
  return context(gate(code))
}

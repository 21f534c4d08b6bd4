/** A person at the terminal of this process, for `signoff init`. */
import { createInterface } from 'node:readline/promises'
import type { Terminal } from './init.ts'

/** The input has ended before everything was answered. */
export class InputEnded extends Error {}

/** Undefined where the input or the output is no terminal: a script, a pipe, a service. */
export function openTerminal(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
): (Terminal & { close(): void }) | undefined {
  if (!input.isTTY || !output.isTTY) return undefined
  const lines = createInterface({ input, output })
  const ended = new AbortController()
  lines.once('close', () => ended.abort())
  lines.once('SIGINT', () => lines.close())
  return {
    async ask(question) {
      try {
        return await lines.question(question, { signal: ended.signal })
      } catch {
        throw new InputEnded('The input ended before every question was answered.')
      }
    },
    close: () => lines.close(),
  }
}

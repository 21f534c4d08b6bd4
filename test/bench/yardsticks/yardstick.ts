/** Starts a server that Signoff is measured beside. */
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '../stage/program.ts'

export interface Yardstick extends Program {
  /** Where it takes Slack's requests. */
  readonly url: string
}

export async function startYardstick(
  name: 'bare-http.ts' | 'bolt.ts' | 'hubot.ts',
  args: readonly string[],
  secret: string,
): Promise<Yardstick> {
  const path = fileURLToPath(new URL(`./${name}`, import.meta.url))
  const program = await startProgram([path, ...args], {
    ready: 'listening on',
    env: { SLACK_SIGNING_SECRET: secret },
  })
  const port = /listening on (\d+)/.exec(program.output())?.[1]
  return { ...program, url: `http://127.0.0.1:${port}/slack/events` }
}

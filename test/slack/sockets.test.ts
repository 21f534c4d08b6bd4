/** O5: two programs on one Slack app: Slack gives each some of the deliveries, and nobody is told. */
import { afterEach, describe, expect, it } from 'vitest'
import { type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { createSockets, type Sockets } from '../../src/slack/sockets.ts'
import { waitUntil } from '../support/waiting.ts'

let slack: SlackWorkspace
const connected: Sockets[] = []
afterEach(async () => {
  await Promise.all(connected.splice(0).map((sockets) => sockets.stop()))
  await slack.close()
})

interface Line {
  readonly level: string
  readonly message: string
  readonly connections: number
  readonly ours: number
}

/** Connects twice, as one Signoff does, and gives what it logs about others. */
async function connect(settings: { isStoreShared?: boolean } = {}): Promise<readonly Line[]> {
  const lines: Line[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, ...(fields as Pick<Line, 'connections' | 'ours'>) })
  const sockets = createSockets({
    appToken: slack.appToken,
    apiUrl: slack.apiUrl,
    deliver: async (_payload, acknowledge) => acknowledge(),
    log: { info: at('info'), warn: at('warn'), error: at('error') },
    apartMs: 1,
    pingTimeoutMs: 1_000,
    ...settings,
  })
  connected.push(sockets)
  await sockets.start()
  const count = connected.length * 2
  await waitUntil(() => slack.sockets === count, { what: `${count} sockets`, moves: () => slack.sockets })
  return lines
}

describe('O5: two hosts that share one Slack app', () => {
  it('are warned of where they share no store, and one alone is not, nor its renewals', async () => {
    slack = await startSlackWorkspace()
    const alone = await connect()
    slack.refreshSockets('refresh_requested', 0)
    await waitUntil(() => slack.sockets === 2, { what: 'the renewal', moves: () => slack.sockets })
    expect(alone).toEqual([])
    const second = await connect()
    await waitUntil(() => second.length > 0, { what: 'a warning', moves: () => second.length })
    expect(second).toEqual([
      {
        level: 'warn',
        connections: 4,
        ours: 2,
        message: expect.stringMatching(/^another program is connected to this Slack app .* same STORE_URL/),
      },
    ])
  })

  it('are no mistake where they share a store', async () => {
    slack = await startSlackWorkspace()
    await connect({ isStoreShared: true })
    const second = await connect({ isStoreShared: true })
    await waitUntil(() => second.length > 0, { what: 'a line', moves: () => second.length })
    expect(second.map(({ level }) => level)).toEqual(['info'])
  })
})

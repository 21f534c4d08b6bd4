/** T9: the round trip of an envelope in Socket Mode. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Case, inTurn } from '../case.ts'
import { type Program, startProgram } from '../stage/program.ts'
import type { SocketLoad, SocketLoadResult } from '../stage/socket-load.ts'
import { channelOf, startStage } from '../stage/stage.ts'
import { startWorkplace } from '../stage/workplace.ts'
import { allHandled } from './acknowledging.ts'

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export const SOCKET: Case = {
  lines: [
    {
      id: 'T9',
      what: 'Socket Mode: from the envelope to its acknowledgement, one each 25 ms, the median',
      yardstick: 'bare ws',
      unit: 'ms',
      goal: { of: 'ratio', atMost: 2.2 },
    },
  ],

  async measure(bench) {
    const workplace = await startWorkplace({ ...bench, name: 'socket' })
    const stage = await startStage({ ...bench, workplaces: [workplace] })
    const asSlack = () =>
      startProgram([pathOf('../stage/socket-load.ts'), stage.slack.apiUrl], { ready: 'listening', answers: true })
    const [forOurs, forBare] = [await asSlack(), await asSlack()]
    await stage.start('all', { env: { SLACK_API_URL: apiOf(forOurs) } })
    const bare = await startProgram([pathOf('../yardsticks/bare-ws.ts'), apiOf(forBare)], { ready: 'connected' })
    const count = bench.sized({ small: 20, usual: 100 })
    const typed = { user: stage.people.dana, channel: channelOf('socket'), command: '/deploy', text: 'help' }
    for (const round of bench.rounds()) {
      const payloads = Array.from({ length: count }, () => stage.slack.captureCommand(typed).payload)
      const file = join(bench.root, `socket-${round}.json`)
      await writeFile(file, JSON.stringify(payloads))
      const load: SocketLoad = { payloads: file, warmUp: Math.ceil(count / 10) }
      const [ours, yardstick] = await inTurn(
        round,
        () => forOurs.ask<SocketLoadResult>(load),
        () => forBare.ask<SocketLoadResult>(load),
      )
      await allHandled(stage)
      bench.add('T9', { ours: ours.p50, yardstick: yardstick.p50 })
    }
    await Promise.all([forOurs, forBare, bare].map((each) => each.stop()))
    await stage.close()
    await workplace.close()
  },
}

function apiOf(program: Program): string {
  return `http://127.0.0.1:${/listening on (\d+)/.exec(program.output())?.[1]}/api/`
}

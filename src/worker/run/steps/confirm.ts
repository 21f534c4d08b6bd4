import { defined } from '../../../lib/defined.ts'
import { pollUntil } from '../../../lib/retry.ts'
import { appAt } from '../../../release/settings.ts'
import type { LeftOff, Performed, Stopped } from '../../../release/transitions/index.ts'
import { platformOf } from '../../ports.ts'
import { withRetry } from '../../retry.ts'
import { onPlatform } from '../../service-errors.ts'
import { type Step, type StepContext, short, stopped } from './step.ts'

/** Waits until the platform runs the commit: an accepted push does not prove a deploy. A cancel ends the waiting. */
export const confirm: Step = {
  name: 'confirm',
  probe: async () => ({ is: 'absent' }),

  async perform(run) {
    const { ports, environment, signal, commit = '' } = run
    const { remote } = environment
    const platform = platformOf(ports, remote)
    let lastDetail = 'it did not answer'
    const ended = await pollUntil(
      async (): Promise<Performed | Stopped | LeftOff | undefined> => {
        const answer = await withRetry(() => platform.confirm(remote, commit), ports)
        if (!answer.ok) {
          lastDetail = answer.detail
          return leftOff(run)
        }
        const { value } = answer
        switch (value.is) {
          case 'running': {
            const { summary, platformRelease } = value
            const result = defined({ said: summary, commit, platformRelease })
            return { is: 'done', effect: 'none', result }
          }
          case 'failed':
            return releasePhaseFailed(run, value.platformRelease)
          case 'not running':
            return notConfirmed(run, value.detail)
          case 'not yet':
            lastDetail = value.detail
            return leftOff(run)
        }
      },
      { forMs: platform.limits.confirmedWithinMs, everyMs: ports.times.poll, signal, clock: ports.clock },
    )
    return ended ?? notConfirmed(run, lastDetail)
  },
}

/** After a cancel: what was pushed stays pushed, and nobody waits for the proof that it runs. */
async function leftOff({ environment, commit = '', isCancelled }: StepContext): Promise<LeftOff | undefined> {
  if (!(await isCancelled())) return undefined
  const { name } = environment.remote
  return { is: 'left off', said: `Pushed, not confirmed: whether ${name} runs ${short(commit)} was not waited for.` }
}

function releasePhaseFailed({ environment, commit = '' }: StepContext, platformRelease: string): Stopped {
  const { remote } = environment
  const because = { gate: 'release_phase_failed', app: appAt(remote), ...onPlatform(remote) } as const
  return stopped({ ...because, platformRelease, commit }, 'none')
}

function notConfirmed({ environment }: StepContext, detail: string): Stopped {
  const { remote } = environment
  return stopped({ gate: 'not_confirmed', app: appAt(remote), ...onPlatform(remote), detail }, 'unknown')
}

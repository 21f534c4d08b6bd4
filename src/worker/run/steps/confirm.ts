import { appAt } from '../../../release/settings.ts'
import { platformOf } from '../../ports.ts'
import { pollUntil, withRetry } from '../../retry.ts'
import { onPlatform } from '../../service-errors.ts'
import { type Performed, type Step, type StepContext, type Stopped, stopped } from './step.ts'

/** Proves that the platform runs the commit. A push that was taken is not yet a deploy. */
export const confirm: Step = {
  name: 'confirm',
  probe: async () => ({ is: 'absent' }),

  async perform(run) {
    const { ports, environment, signal, commit = '' } = run
    const { remote } = environment
    const platform = platformOf(ports, remote)
    let lastWord = 'it has not answered'
    const ended = await pollUntil(
      async (): Promise<Performed | Stopped | undefined> => {
        const looked = await withRetry(() => platform.confirm(remote, commit), ports)
        if (!looked.ok) {
          lastWord = looked.detail
          return undefined
        }
        const { value } = looked
        switch (value.is) {
          case 'running': {
            const { summary, platformRelease } = value
            const result = { said: summary, commit, ...(platformRelease !== undefined && { platformRelease }) }
            return { is: 'done', effect: 'none', result }
          }
          case 'failed':
            return releasePhaseFailed(run, value.platformRelease)
          case 'not running':
            return notConfirmed(run, value.detail)
          case 'not yet':
            lastWord = value.detail
            return undefined
        }
      },
      { forMs: platform.limits.confirmedWithinMs, everyMs: ports.times.poll, signal, clock: ports.clock },
    )
    return ended ?? notConfirmed(run, lastWord)
  },
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

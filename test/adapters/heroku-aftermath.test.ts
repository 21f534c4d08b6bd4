/** W22: what people should know of a Heroku app after its release, by its maintenance mode, dynos and formation. */
import { describe, expect, it } from 'vitest'
import { aftermathOf } from '../../src/adapters/heroku/aftermath.ts'

const dyno = (name: string, state: string, version = 7) => ({
  name,
  type: name.split('.')[0] ?? '',
  state,
  release: { version },
})

describe('W22: after a release', () => {
  it.each([
    ['an app that runs', false, [dyno('web.1', 'up')], 1, true, []],
    ['an app that sleeps', false, [dyno('web.1', 'idle')], 1, true, []],
    ['maintenance mode', true, [dyno('web.1', 'up')], 1, true, ['in maintenance mode']],
    ['a dyno that crashed', false, [dyno('web.1', 'crashed'), dyno('web.2', 'up')], 2, true, ['web.1 crashed']],
    ['both', true, [dyno('worker.1', 'crashed')], 1, true, ['in maintenance mode', 'worker.1 crashed']],
    ['nothing that should run', false, [], 0, true, ['no dynos run']],
    ['a dyno that starts', false, [dyno('web.1', 'starting')], 1, false, []],
    [
      'one of two still starts',
      false,
      [dyno('web.1', 'crashed'), dyno('web.2', 'starting')],
      2,
      false,
      ['web.1 crashed'],
    ],
    ['only dynos of the release before', false, [dyno('web.1', 'crashed', 6)], 1, false, []],
    [
      'many that crashed',
      false,
      [1, 2, 3, 4, 5].map((each) => dyno(`web.${each}`, 'crashed')),
      5,
      true,
      ['web.1, web.2, web.3 and 2 more crashed'],
    ],
  ] as const)('%s', (_what, isInMaintenance, dynos, formation, isSettled, warnings) => {
    const seen = aftermathOf('api', 7, { isInMaintenance }, dynos, formation)
    expect({ ...seen, warnings: seen.warnings.map(({ what }) => what) }).toEqual({ isSettled, warnings })
  })
})

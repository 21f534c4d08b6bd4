import { expect, it } from 'vitest'
import type { PullRequest } from '../../src/release/ports/forge.ts'
import { pullRequestMarker, tidyPullRequest } from '../../src/worker/plan/pull-request.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { anApp, anEnvironment, anIntegration, aPlan, aRelease } from '../support/builders.ts'

const production = anEnvironment()
const app = anApp({ environments: [anIntegration(), production] })
const plan = aPlan({ bound: { kind: 'deploy' } })
const ended = aRelease({ state: 'cancelled', plan })

/** One pull request, described by the marker of a release. */
async function declinedAfter(marker: string): Promise<readonly number[]> {
  const id = plan.pullRequest?.id ?? 0
  const one: PullRequest = { id, url: '', state: 'open', source: 'master', destination: 'production' }
  const declined: number[] = []
  const forge = {
    findPullRequest: async (_app: unknown, asked: string) => ({
      ok: true,
      value: asked === marker && declined.length === 0 ? one : undefined,
    }),
    pullRequest: async () => ({ ok: true, value: one }),
    decline: async (_app: unknown, number: number) => {
      declined.push(number)
      return { ok: true, value: undefined }
    },
  }
  expect(await tidyPullRequest({ forge } as unknown as WorkerPorts, app, production, ended)).toBeUndefined()
  return declined
}

it('declines the pull request of a release that has ended', async () => {
  expect(await declinedAfter(pullRequestMarker(app, ended))).toEqual([plan.pullRequest?.id])
})

it('leaves alone what has become a later release’s: Bitbucket may give the one that is open for the same branches', async () => {
  expect(await declinedAfter(pullRequestMarker(app, { ...ended, number: ended.number + 1 }))).toEqual([])
})

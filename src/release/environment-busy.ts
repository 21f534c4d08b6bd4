import { defined } from '../lib/defined.ts'
import { awaitsGo } from './hotfix.ts'
import type { Refusal } from './refusals.ts'
import type { Release } from './release.ts'

/** The refusal for a request while this release is under way. `link`: the address of its card. */
export function environmentBusy(release: Release, link: string | undefined): Refusal {
  const { number, app, environment, state, requester, schedule } = release
  return {
    gate: 'environment_busy',
    number,
    app,
    environment,
    state,
    requester,
    ...(awaitsGo(release) && { waitsForGo: true }),
    ...defined({ startAt: schedule?.at.toISOString(), timeZone: schedule?.timeZone }),
    ...defined({ link }),
  }
}

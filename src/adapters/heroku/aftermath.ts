import type { Answer } from '../../release/ports/answers.ts'
import type { Aftermath, ReleaseWarning } from '../../release/ports/platform.ts'
import type { AppFacts, Dyno, HerokuApi } from './api.ts'

/** What people should know of an app after its release. A dyno that is still starting leaves it open. */
export async function readAftermath(api: HerokuApi, app: string, version: number): Promise<Answer<Aftermath>> {
  const [facts, dynos, formation] = await Promise.all([api.app(app), api.dynos(app), api.formation(app)])
  if (!facts.ok) return facts
  if (!dynos.ok) return dynos
  if (!formation.ok) return formation
  return { ok: true, value: aftermathOf(app, version, facts.value, dynos.value, formation.value) }
}

/** `formation`: how many dynos the app should have. A restarting app still lists dynos of the release before. Pure. */
export function aftermathOf(
  app: string,
  version: number,
  { isInMaintenance }: Pick<AppFacts, 'isInMaintenance'>,
  dynos: readonly Dyno[],
  formation: number,
): Aftermath {
  const ours = dynos.filter(({ release }) => release == null || release.version >= version)
  const crashed = ours.filter(({ state }) => state === 'crashed').map(({ name }) => name)
  const isOpen = formation > 0 && (ours.length === 0 || ours.some(({ state }) => state === 'starting'))
  const warnings: ReleaseWarning[] = []
  if (isInMaintenance) warnings.push({ what: 'in maintenance mode', look: `heroku maintenance --app ${app}` })
  if (formation === 0) warnings.push({ what: 'no dynos run', look: `heroku ps --app ${app}` })
  if (crashed.length > 0) {
    const left = crashed.length - 3
    const named = `${crashed.slice(0, 3).join(', ')}${left > 0 ? ` and ${left} more` : ''}`
    warnings.push({ what: `${named} crashed`, look: `heroku logs --app ${app}` })
  }
  return { isSettled: !isOpen, warnings }
}

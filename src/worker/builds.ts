import { type CheckStatus, haveAllPassed } from '../release/plan.ts'
import type { App, Environment } from '../release/settings.ts'
import type { WorkerPorts } from './ports.ts'
import { withRetry } from './retry.ts'
import { forgeError, type Refused } from './service-errors.ts'

/**
 * The builds of a commit, refused where the environment asks for passed ones and they are not; where it does not, what
 * the forge cannot tell is left out.
 */
export async function checkBuilds(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  commit: string,
): Promise<{ checks: readonly CheckStatus[] } | Refused> {
  const asked = await withRetry(() => ports.forge.checks(app, commit), ports)
  if (environment.signOff?.requireChecks !== true) return { checks: asked.ok ? asked.value : [] }
  if (!asked.ok) return forgeError(ports, asked)
  return haveAllPassed(asked.value)
    ? { checks: asked.value }
    : { refused: { gate: 'checks_failed', checks: asked.value } }
}

import { type CheckStatus, haveAllPassed } from '../release/plan.ts'
import type { App, Environment } from '../release/settings.ts'
import type { WorkerPorts } from './ports.ts'
import { withRetry } from './retry.ts'
import { forgeError, type Refused } from './service-errors.ts'

/**
 * Reads the builds of a commit. If the environment requires passed checks, refuses without them; else builds that the
 * forge can't list are omitted.
 */
export async function checkBuilds(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  commit: string,
): Promise<{ checks: readonly CheckStatus[] } | Refused> {
  const asked = await withRetry(() => ports.forge.checks(app, commit), ports)
  if (environment.signOff?.requireChecks !== true) return { checks: asked.ok ? asked.value : [] }
  if (!asked.ok) return forgeError(ports, asked, app)
  return haveAllPassed(asked.value)
    ? { checks: asked.value }
    : { refused: { gate: 'checks_failed', checks: asked.value } }
}

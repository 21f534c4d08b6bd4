/** How this host keeps the app's code apart. */
import type { HostIsolation } from '../../../release/ports/migrator.ts'
import type { Environment } from '../../../release/settings.ts'
import { type Check, fail, pass, warn } from '../doctor.ts'

const FIX = 'install bubblewrap and let it make namespaces, see docs/security.md'

/** One check where the app's code runs and may be isolated, else none. `found` tries it out. */
export function isolationChecks(
  environments: readonly Environment[],
  found: () => Promise<HostIsolation>,
): readonly Check[] {
  const policies = environments.flatMap(({ migrations }) => migrations.map(({ isolation }) => isolation))
  if (policies.every((policy) => policy === 'off')) return []
  return [
    {
      name: "isolation of the app's code",
      async run() {
        const { kind, cutsNetwork, missing = 'no reason given' } = await found()
        if (kind === 'bubblewrap') {
          return cutsNetwork ? pass('bubblewrap works') : warn(`previews have network: ${missing}`, FIX)
        }
        if (kind === 'other user') return warn(`by another user only, without bubblewrap: ${missing}`, FIX)
        const what = `migrations run with the worker's rights, and their code can read its secrets (${missing})`
        return policies.includes('required') ? fail(what, FIX) : warn(what, FIX)
      },
    },
  ]
}

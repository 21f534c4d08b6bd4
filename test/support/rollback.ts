/** Rollbacks as Slack's side asks the service for them, beside a team's own processes. */
import { openStore } from '../../src/adapters/store/open.ts'
import type { RollbackCommand } from '../../src/release/rollback.ts'
import { createReleaseService, type ReleaseService } from '../../src/release/service.ts'
import { SERVICES } from './builders.ts'
import { createFakeDirectory } from './directory.ts'
import type { Team } from './team.ts'

export interface RollbackDesk {
  readonly service: ReleaseService
  /** Asks for it, and gives its number. Throws if it is refused. */
  asks(command: Partial<RollbackCommand> & Pick<RollbackCommand, 'environment'>): Promise<number>
  close(): Promise<void>
}

/** A second bot's service on the team's store, with the team's people. */
export async function openRollbackDesk(team: Team): Promise<RollbackDesk> {
  const opened = await openStore({ pool: { connectionString: team.databases.store.url }, role: 'bot' })
  const directory = createFakeDirectory()
  for (const [name, id] of Object.entries(team.people)) directory.member(id, name)
  directory.group('@release-approvers', [team.people.tom, team.people.dana])
  const { apps } = team.configuration('bot').releases
  const service = createReleaseService({ store: opened.store, directory, apps, services: SERVICES })
  let asked = 0
  return {
    service,
    async asks(command) {
      asked += 1
      const requested = await service.requestRollback({
        app: 'api',
        reason: 'Logins fail',
        lock: false,
        by: team.people.dana,
        key: `rollback ${asked}`,
        ...command,
      })
      if ('refused' in requested) throw new Error(JSON.stringify(requested.refused))
      return requested.release.number
    },
    close: () => opened.close(),
  }
}

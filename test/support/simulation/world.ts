/** Everything outside of Signoff, together: git servers, Bitbucket, Heroku, databases, Slack. It outlives every process. */
import type { App } from '../../../src/release/settings.ts'
import { createForge, type SimulatedForge } from './forge.ts'
import { createGit, type GitServer, type Mirror } from './git.ts'
import { createMigrator, type SimulatedMigrator } from './migrator.ts'
import { createObjects, type Objects } from './objects.ts'
import { createPlatform, type SimulatedPlatform } from './platform.ts'
import { APPROVERS, PEOPLE, QA, type Repository, startRepository } from './setting.ts'
import { createSlack, type SlackWorld } from './slack.ts'
import { createTruth, type TruthLog } from './truth.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface World {
  readonly time: VirtualTime
  readonly objects: Objects
  readonly truth: TruthLog
  readonly repository: Repository
  readonly origin: GitServer
  /** The git remotes, by environment. */
  readonly remotes: Readonly<Record<string, GitServer>>
  readonly forge: SimulatedForge
  readonly platform: SimulatedPlatform
  readonly migrator: SimulatedMigrator
  readonly slack: SlackWorld
  /** A worker host's git over its own mirror. */
  git(mirror: Mirror): ReturnType<typeof createGit>
}

/** Both environments hold and run the repository's first commit, and their databases are at its revision. */
export function createWorld(app: App, time: VirtualTime): World {
  const objects = createObjects()
  const truth = createTruth(time.now)
  const repository = startRepository(objects, new Date(time.now() - 24 * 60 * 60_000).toISOString())
  const origin: GitServer = { name: 'origin', branches: new Map(repository.branches) }
  const platform = createPlatform({ time, truth })
  const remotes: Record<string, GitServer> = {}
  const servers = new Map([[app.gitUrl, origin]])
  for (const { name, remote } of app.environments) {
    const server: GitServer = { name: remote.name, branches: new Map([[remote.branch, repository.deployed]]) }
    const { app: deployed } = remote
    if (deployed !== undefined) {
      platform.byHand(deployed, repository.deployed)
      server.pushed = (_branch, commit) => platform.pushed(deployed, commit)
    }
    remotes[name] = server
    servers.set(remote.url, server)
  }
  const checkouts = new Map<string, string>()
  const revisions = Object.fromEntries(app.environments.map(({ name }) => [name, 'r1']))
  const slack = createSlack({ time, truth })
  for (const { id, name } of PEOPLE) slack.personIs(id, { name, email: `${name.toLowerCase()}@example.com` })
  slack.groupIs('@release-approvers', APPROVERS)
  slack.groupIs('@qa', QA)
  return {
    time,
    objects,
    truth,
    repository,
    origin,
    remotes,
    platform,
    slack,
    forge: createForge({ origin, objects, time, truth }),
    migrator: createMigrator({ objects, checkouts, time, truth, revisions }),
    git: (mirror) => createGit({ objects, time, truth, servers, checkouts }, mirror),
  }
}

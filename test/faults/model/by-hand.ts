/** What people do past Signoff: commits with migrations, and pushes straight to an environment's remote. */
import { findEnvironment } from '../../../src/release/settings.ts'
import { FOLDER, revisionFiles } from '../../support/simulation/objects.ts'
import { appOf, writeOn } from '../../support/simulation/setting.ts'
import type { Simulation } from '../../support/simulation/simulation.ts'

/** Somebody commits the next migration to a branch. */
export function migrate({ world, now }: Simulation, branch: string): void {
  const head = world.origin.branches.get(branch) ?? world.repository.deployed
  const made = Object.keys(world.objects.files(head)).filter((path) => path.startsWith(`${FOLDER}/r`)).length
  const files = revisionFiles(`r${made + 1}`, `r${made}`)
  const at = new Date(now()).toISOString()
  world.origin.branches.set(branch, writeOn(world.objects, head, files, 'Change the schema', at))
}

/** Somebody pushes a commit of theirs to the remote behind the bot's back, and the platform runs it. */
export function commitByHand({ world, now }: Simulation, environment: string): void {
  const found = findEnvironment(appOf(), environment)
  const server = world.remotes[environment]
  if (found === undefined || server === undefined) throw new Error(`${environment} is not declared`)
  const { branch, app } = found.remote
  const head = server.branches.get(branch) ?? world.repository.deployed
  const at = new Date(now()).toISOString()
  const commit = writeOn(world.objects, head, { 'api/by-hand.py': at }, 'Fix it at once', at)
  server.branches.set(branch, commit)
  if (app !== undefined) world.platform.byHand(app, commit)
}

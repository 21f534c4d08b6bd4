/** `signoff start` with the pace of tests: node quick-main.ts <role> <pace as JSON> [<group>]. */
import { startSignoff } from '../../src/cli/start.ts'
import { readConfiguration } from '../../src/config/configuration.ts'
import type { Role } from '../../src/config/variables.ts'

const [role, pace = '{}', group] = process.argv.slice(2)
const read = readConfiguration({
  env: process.env,
  cwd: process.cwd(),
  role: role as Role,
  ...(group !== undefined && { group }),
})
if (!read.ok) throw new Error(read.problems.join('\n'))
const running = await startSignoff(read.configuration, JSON.parse(pace))
const stop = () =>
  running.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  )
process.once('SIGTERM', stop)
running.superseded.addEventListener('abort', stop)

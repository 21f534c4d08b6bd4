/** A worker in a process of its own, to be killed by store-jobs.test.ts: says that it has a job, and never ends it. */
import { openStore } from '../../src/adapters/store/open.ts'

const opened = await openStore({ pool: { connectionString: process.argv[2] ?? '' }, role: 'worker' })
await opened.jobs.work(async (claim) => {
  process.stdout.write(`${claim.job.kind} ${claim.attempt}\n`)
  await new Promise(() => undefined)
})

import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Signoff is started some hundred times; a third of what a start costs is reading and compiling the same files again. */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url))

// A fork takes half as long where malloc has one arena of large pages: there is less of a page table to copy.
process.env.GLIBC_TUNABLES ??= 'glibc.malloc.hugetlb=1'
process.env.MALLOC_ARENA_MAX ??= '1'

/** What watches or changes all that runs on the machine, or its own process: each of these files has a process of its own. */
const WORLD = [
  'test/adapters/{embedded-postgres,git-hostile}.test.ts',
  'test/bench/bench.test.ts',
  'test/browser/**/*.test.ts',
  'test/features/slack-processes.test.ts',
  'test/lib/process-group.test.ts',
  'test/operations/{dockerfile,doctor-command}.test.ts',
  'test/sandbox/{apart,sandbox}.test.ts',
  'test/upgrade/**/*.test.ts',
]
/**
 * Real programs are started here too. These files share their processes: to load everything and to compile it again for each
 * file took an eighth of the time. Their heap is kept small, since a fork copies the page tables of who starts a program.
 */
const STORIES = [
  'test/adapters/**/*.test.ts',
  'test/features/!(slack-pace).test.ts',
  'test/operations/!(evidence-markdown|log|scrub).test.ts',
  'test/sandbox/!(slack-blocks).test.ts',
  'test/support/process-list.test.ts',
]
const FAULTS = [
  'test/faults/!(automatic|fault-matrix|kill-points-simulated|kill-verdict|model|promise*|seeded-bugs|simulated-runs|slack-at-its-worst).test.ts',
]
/** Logic that needs a database, a program, or thousands of simulated releases: seconds to minutes. */
const SIMULATED = [
  'test/faults/!(kill-verdict|seeded-bugs|promises).test.ts',
  'test/release/service*.test.ts',
  'test/release/{configuration,environment-row,stored-names}.test.ts',
  'test/slack/{delivery,delivery-refusals,direct-messages,home-publishing,told-once}.test.ts',
  'test/support/simulation/*.test.ts',
  'test/types/*.test.ts',
  'test/worker/other-services.test.ts',
  'test/{import-rules,third-platform}.test.ts',
]
const SMALL = ['--max-semi-space-size=1']
/** What is made here by the million is forgotten at once: with room for it, it is seldom looked through. */
const ROOMY = ['--max-semi-space-size=64']

/**
 * What a story waits for is bounded by what moves (test/support/waiting.ts): this is the end of one that never comes to rest,
 * and long enough for a machine with much else to do.
 */
const LONG = { testTimeout: 300_000, hookTimeout: 300_000 }

/** A shared machine in CI can be too busy once for what waits by the clock, as for Slack's 3 s; it is printed. */
const count = process.env.CI === 'true' ? 1 : 0
/** A wrong count, as of an effect that came twice, is a finding the first time, and must not turn green the second. */
export const WAITED = /^(Test|Hook) timed out in |\btimed out waiting for\b/

/** What failed, for test/again.ts. */
export const RESULTS = 'node_modules/.cache/test-results.json'

/** The longest files are among the first, so that no processor is left alone with one of them at the end. */
const ORDER = ['world', 'faults', 'simulated', 'stories', 'fast']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.sort((one, other) => ORDER.indexOf(one.project.name) - ORDER.indexOf(other.project.name))
  }
}

/** In this order: the server's files go to the temporary place. */
const PLACE = ['test/support/temporary-place.ts']
const WITH_POSTGRES = [...PLACE, 'test/support/postgres.ts']

export default defineConfig({
  test: {
    testTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    reporters: process.env.CI === 'true' ? ['default', ['json', { outputFile: RESULTS }]] : ['default'],
    // By Node itself, as Signoff runs: what Vite makes of the same files is a tenth slower.
    experimental: { viteModuleRunner: false },
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: { name: 'world', include: WORLD, execArgv: SMALL, retry: count, globalSetup: WITH_POSTGRES, ...LONG },
      },
      {
        extends: true,
        test: {
          name: 'stories',
          include: STORIES,
          exclude: WORLD,
          execArgv: SMALL,
          isolate: false,
          retry: count,
          globalSetup: WITH_POSTGRES,
          ...LONG,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: FAULTS,
          execArgv: SMALL,
          isolate: false,
          retry: { count, condition: WAITED },
          globalSetup: WITH_POSTGRES,
          ...LONG,
        },
      },
      {
        extends: true,
        test: {
          name: 'simulated',
          include: SIMULATED,
          exclude: [...WORLD, ...STORIES, ...FAULTS],
          execArgv: ROOMY,
          isolate: false,
          globalSetup: WITH_POSTGRES,
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
      // `npm run test:fast`: nothing here starts a program, so it answers within half a minute.
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...WORLD, ...STORIES, ...FAULTS, ...SIMULATED],
          globalSetup: PLACE,
          isolate: false,
        },
      },
    ],
  },
})

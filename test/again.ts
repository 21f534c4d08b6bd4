/**
 * For CI: `npm test || npm run test:again`. The tests of a story follow one another, so one that fails on a machine with much
 * else to do takes the later ones with it, and to try it again alone can't help: its file runs once more from the beginning.
 * A wrong count or a lost effect, as the fault tests find them, is a finding the first time and is not tried again.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { RESULTS, WAITED } from '../vitest.config.ts'

/** With more than these it is no accident. */
const MOST_FILES = 4

const report = JSON.parse(readFileSync(RESULTS, 'utf8'))
process.exitCode = again(filesToTryAgain(report))

/** The files that failed, by their paths; a line for people if they must not be tried again. */
function filesToTryAgain({ testResults }: Report): string[] | string {
  const failed = testResults.filter(({ status }) => status === 'failed')
  const files = failed.map(({ name }) => relative(process.cwd(), name))
  if (failed.length === 0) return 'No test failed: what went wrong stands above.'
  if (failed.length > MOST_FILES) return `${failed.length} files failed: nothing is tried again.`
  const finding = failed.find((file) => /\/test\/(faults|release|support)\//.test(file.name) && !hasOnlyWaited(file))
  return finding ? `${relative(process.cwd(), finding.name)} is a finding: nothing is tried again.` : files
}

function hasOnlyWaited({ assertionResults }: FileResult): boolean {
  const messages = assertionResults.flatMap((test) =>
    test.status === 'failed' ? [test.failureMessages.at(-1) ?? ''] : [],
  )
  return messages.length > 0 && messages.every((message) => WAITED.test(message))
}

function again(files: string[] | string): number {
  if (typeof files === 'string') {
    console.error(files)
    return 1
  }
  console.error(`Failed once, and tried once more from the beginning: ${files.join(', ')}`)
  return spawnSync('npx', ['vitest', 'run', ...files], { stdio: 'inherit' }).status ?? 1
}

interface FileResult {
  readonly name: string
  readonly status: 'passed' | 'failed'
  readonly assertionResults: readonly { readonly status: string; readonly failureMessages: readonly string[] }[]
}

interface Report {
  readonly testResults: readonly FileResult[]
}

/**
 * `npm run faults:seeded [-- <words of a bug>…]`: runs the tests that must notice on a copy of the source as it is, then
 * applies each seeded bug to it, runs them again, and prints who noticed. Exit code 1 when one is not caught, 2 when one no
 * longer applies or its tests are red without it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SEEDED_BUGS, type SeededBug } from './bugs.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const NEEDED = [
  'bin',
  'src',
  'test',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'manifest.yml',
  'Dockerfile',
  'README.md',
  'docs',
]

const wanted = process.argv.slice(2)
const bugs = SEEDED_BUGS.filter(({ bug }) => wanted.length === 0 || wanted.some((words) => bug.includes(words)))
const copy = await mkdtemp(join(tmpdir(), 'signoff-seeded-'))
let missed = 0
try {
  for (const name of NEEDED) await cp(join(ROOT, name), join(copy, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  // A test that is red for another reason would count as caught.
  const files = [...new Set(bugs.flatMap(({ tests }) => tests))]
  const unmodified = performance.now()
  const red = files.length === 0 ? undefined : await firstRed('the source as it is', files)
  if (red !== undefined) {
    console.error(`red without any bug: ${red}`)
    process.exitCode = 2
  } else {
    const seconds = Math.round((performance.now() - unmodified) / 1_000)
    console.log(`0\tgreen\t${seconds} s\tthe source as it is: ${files.length} test files`)
  }
  for (const [index, seeded] of red === undefined ? bugs.entries() : []) {
    const started = performance.now()
    const caught = await isCaught(seeded)
    if (caught === undefined) missed += 1
    const seconds = Math.round((performance.now() - started) / 1_000)
    console.log(
      `${index + 1}\t${caught === undefined ? 'NOT CAUGHT' : 'caught'}\t${seconds} s\t${seeded.bug}\t${caught ?? ''}`,
    )
  }
} finally {
  await rm(copy, { recursive: true, force: true })
}
if (process.exitCode === 2) process.exit()
console.log(`${bugs.length} seeded bugs, ${bugs.length - missed} caught, ${missed} not`)
process.exit(missed === 0 ? 0 : 1)

/** The first test that turned red; undefined: none did. */
async function isCaught({ bug, file, find, replace, tests }: SeededBug): Promise<string | undefined> {
  const path = join(copy, file)
  const source = await readFile(path, 'utf8')
  if (source.split(find).length !== 2) {
    console.error(`“${bug}” no longer applies to ${file}`)
    process.exit(2)
  }
  await writeFile(
    path,
    source.replace(find, () => replace),
  )
  try {
    return await firstRed(bug, tests)
  } finally {
    await writeFile(path, source)
  }
}

/** Runs these test files in the copy; gives the first test that is red, undefined where none is. */
async function firstRed(what: string, tests: readonly string[]): Promise<string | undefined> {
  const vitest = join(copy, 'node_modules', 'vitest', 'vitest.mjs')
  const { CI: _, ...env } = process.env
  const child = spawn(process.execPath, [vitest, 'run', '--bail=1', ...tests], {
    cwd: copy,
    env: { ...env, NO_COLOR: '1' },
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (printed += text))
  const [code] = await once(child, 'close')
  if (code === 0) return undefined
  const [, red] = /(?:FAIL|×)\s+(\S.*)/.exec(printed) ?? []
  if (red === undefined) throw new Error(`the tests could not be run for “${what}”:\n${printed.slice(-2_000)}`)
  return red
}

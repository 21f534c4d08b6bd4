/**
 * `npm run faults:seeded [-- <words of a bug>…]`: applies each seeded bug to a copy of the source, runs the tests that must
 * notice, and prints who did. Exit code 1 when one is not caught, 2 when one no longer applies.
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
  'src',
  'test',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'manifest.yml',
  'Dockerfile',
  'README.md',
]

const wanted = process.argv.slice(2)
const bugs = SEEDED_BUGS.filter(({ bug }) => wanted.length === 0 || wanted.some((words) => bug.includes(words)))
const copy = await mkdtemp(join(tmpdir(), 'signoff-seeded-'))
let missed = 0
try {
  for (const name of NEEDED) await cp(join(ROOT, name), join(copy, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  for (const [index, seeded] of bugs.entries()) {
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
    const vitest = join(copy, 'node_modules', 'vitest', 'vitest.mjs')
    const { CI: _, ...env } = process.env
    const child = spawn(process.execPath, [vitest, 'run', '--bail=1', ...tests], {
      cwd: copy,
      env: { ...env, NO_COLOR: '1' },
    })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (printed += text))
    const [code] = await once(child, 'close')
    if (code === 0) return undefined
    const [, red] = /(?:FAIL|×)\s+(\S.*)/.exec(printed) ?? []
    if (red === undefined) throw new Error(`the tests could not be run for “${bug}”:\n${printed.slice(-2_000)}`)
    return red
  } finally {
    await writeFile(path, source)
  }
}

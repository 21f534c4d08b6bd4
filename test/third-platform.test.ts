/** A third platform can't be forgotten: the compiler names each place that has to know it, and there are few. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../', import.meta.url))
const NAMES = "export const PLATFORM_NAMES = ['heroku', 'git'] as const"

it('is a type error where it is not wired and not configured, and nowhere else', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'signoff-third-platform-'))
  try {
    await Promise.all([
      cp(join(root, 'src'), join(copy, 'src'), { recursive: true }),
      cp(join(root, 'tsconfig.json'), join(copy, 'tsconfig.json')),
      cp(join(root, 'package.json'), join(copy, 'package.json')),
      symlink(join(root, 'node_modules'), join(copy, 'node_modules')),
    ])
    const file = join(copy, 'src/release/stored-names.ts')
    const text = await readFile(file, 'utf8')
    expect(text).toContain(NAMES)
    await writeFile(file, text.replace(NAMES, NAMES.replace("'git'", "'git', 'copier'")))

    const tsc = join(root, 'node_modules/.bin/tsc')
    const told = await run(tsc, ['--pretty', 'false'], { cwd: copy }).then(
      () => '',
      (error: { stdout?: string }) => error.stdout ?? '',
    )
    const errors = told.split('\n').filter((line) => / error TS\d+: /.test(line))
    const places = errors.map((line) => line.replace(/\(.*/, '').replace(`${copy}/`, ''))
    expect([...new Set(places)].sort()).toEqual([
      'src/cli/service-words.ts',
      'src/cli/wiring.ts',
      'src/config/cross-checks.ts',
    ])
    for (const line of errors) expect(line).toMatch(/copier/)
    expect(errors).toHaveLength(5)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
})

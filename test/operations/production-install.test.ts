/** O7: what `npm ci` brings onto a host that runs Signoff. */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = new URL('../../', import.meta.url).pathname
const MEGABYTE = 1_000_000

interface Locked {
  readonly dev?: boolean
}

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }
const shipped = Object.entries(lock.packages).flatMap(([path, { dev }]) => (path === '' || dev ? [] : [path]))

/** Bytes of a package's own files, without the packages inside of it, which the lock file lists by themselves. */
function bytesIn(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((bytes, entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? bytes : bytes + bytesIn(path)
    return entry.isFile() ? bytes + statSync(path).size : bytes
  }, 0)
}

it('O7: an install for production stays under 200 MB', () => {
  // Of the embedded Postgres one platform's is installed; all others are in the lock file only.
  const installed = shipped.map((path) => join(root, path)).filter(existsSync)
  expect(installed.length).toBeGreaterThan(50)
  const bytes = installed.reduce((sum, path) => sum + bytesIn(path), 0)
  expect(bytes / MEGABYTE).toBeGreaterThan(10)
  expect(bytes / MEGABYTE).toBeLessThan(200)
})

it('O7: nothing that is shipped is only for development', () => {
  const forDevelopment =
    /node_modules\/(?:@biomejs|typescript|vitest|playwright|react|@slack\/bolt|@types\/react|node$)/
  expect(shipped.filter((path) => forDevelopment.test(path))).toEqual([])
})

it('O7: no package warns of the engine on the Node that Signoff supports', async () => {
  const place = mkdtempSync(join(tmpdir(), 'signoff-install-'))
  try {
    for (const file of ['package.json', 'package-lock.json']) cpSync(join(root, file), join(place, file))
    // What is a warning for npm is an error with --engine-strict. Nothing is fetched or written.
    const options = ['--dry-run', '--engine-strict', '--offline', '--no-audit', '--no-fund']
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
    const { stdout, stderr } = await promisify(execFile)('npm', ['ci', ...options], { cwd: place, env })
    expect(stderr).not.toContain('EBADENGINE')
    expect(stdout).toMatch(/added \d+ packages/)
  } finally {
    rmSync(place, { recursive: true })
  }
})

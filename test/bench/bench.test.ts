/** The bench works, in its smallest size: what it measures then means nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { alembicPython } from '../support/real-alembic.ts'

const BENCH = fileURLToPath(new URL('./bench.ts', import.meta.url))
const DOCUMENT = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))
const python = await alembicPython()

/** The bench bounds each of its waits itself. */
const LONG = 600_000

let place: string
let results: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'signoff-bench-test-'))
  // Where tests run as root, Postgres runs as somebody else.
  await chmod(place, 0o711)
  results = await mkdtemp(join(tmpdir(), 'signoff-bench-results-'))
})
afterEach(async () => {
  for (const directory of [place, results]) await rm(directory, { recursive: true, force: true })
})

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [BENCH, '--small', '--rounds', '1', ...args], {
    env: { PATH: process.env.PATH, TMPDIR: place },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, printed }))
  return { child, ended, printed: () => printed }
}

/** Where programs still run whose files were here, Postgres first of all, their directories are still here, too. */
const nothingIsLeft = () => expect.poll(() => readdir(place)).toEqual([])

describe.skipIf(python === undefined)('the bench', () => {
  it(
    'measures a line of each kind, and writes the table',
    async () => {
      const [json, markdown] = [join(results, 'bench.json'), join(results, 'bench.md')]
      await cp(DOCUMENT, markdown)
      const only = 'T4,T9,T12,T13'
      const { code, printed } = await start('--only', only, '--json', json, '--markdown', markdown).ended
      expect(code, printed).toBe(0)
      const { lines } = JSON.parse(await readFile(json, 'utf8')) as { lines: { id: string; verdict: string }[] }
      expect(lines.length).toBeGreaterThan(7)
      expect(lines.filter(({ verdict }) => verdict === 'not measured')).toEqual([])
      const text = await readFile(markdown, 'utf8')
      for (const { id } of lines) expect(text).toMatch(new RegExp(`^\\| ${id} +\\| `, 'm'))
      await nothingIsLeft()
    },
    LONG,
  )

  it(
    'leaves nothing behind when it is interrupted',
    async () => {
      const { child, ended, printed } = start('--only', 'T9')
      const isUnderWay = async () =>
        (await readdir(place, { recursive: true })).some((path) => path.endsWith('releases.yml'))
      await expect.poll(isUnderWay, { timeout: 120_000 }).toBe(true)
      child.kill('SIGINT')
      expect((await ended).code, printed()).toBe(130)
      await nothingIsLeft()
    },
    LONG,
  )

  it('refuses what it does not know, and says what there is', async () => {
    const { code, printed } = await start('--only', 'T99').ended
    expect(code).toBe(2)
    expect(printed).toContain('T14 blocked')
  })
})

/**
 * Each table of the source is completed by the compiler: a row that lacks a part does not compile. A fixture takes a real
 * table and breaks a row of it. It states in comments what the compiler must say, and nothing else:
 * `// error TS2741: Property 'rules' is missing`, a line for each error in their order, or `// compiles`.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url)
const PROJECT = 'test/types'
const FIXTURES = `${PROJECT}/fixtures`

interface CompilerError {
  readonly file: string
  /** `TS2741: Property 'rules' is missing in type …` */
  readonly says: string
}

/** Compiles all fixtures at once. Throws where the compiler can't be started. */
function compile(): readonly CompilerError[] {
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))
  const run = spawnSync(process.execPath, [tsc, '--pretty', 'false', '-p', PROJECT], {
    cwd: fileURLToPath(ROOT),
    encoding: 'utf8',
  })
  if (run.error !== undefined) throw run.error
  const lines = run.stdout.split('\n').filter((line) => /^\S/.test(line))
  return lines.map((line) => {
    const [, file = '', says = line] = /^(\S+)\(\d+,\d+\): error (.*)$/.exec(line) ?? []
    return { file, says }
  })
}

/** Undefined where it states nothing. */
function statedIn(fixture: string): readonly string[] | undefined {
  if (fixture.startsWith('// compiles\n')) return []
  const stated = [...fixture.matchAll(/^\/\/ error (TS\d+: .+)$/gm)].map(([, says = '']) => says)
  return stated.length === 0 ? undefined : stated
}

describe('a row', () => {
  const fixtures = readdirSync(new URL(FIXTURES, ROOT)).map((name) => `${FIXTURES}/${name}`)
  let errors: readonly CompilerError[] = []
  beforeAll(() => {
    errors = compile()
  })

  it.each(fixtures)('%s', (file) => {
    const stated = statedIn(readFileSync(new URL(file, ROOT), 'utf8'))
    expect(stated, 'what the fixture states').toBeDefined()
    const found = errors.filter((error) => error.file === file).map(({ says }) => says)
    expect(found).toEqual(stated?.map((says) => expect.stringContaining(says)))
  })

  it('is all that is wrong', () => {
    expect(errors.filter(({ file }) => !fixtures.includes(file))).toEqual([])
  })
})

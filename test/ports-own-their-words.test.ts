/** The forge, the platforms and the migrator are named by their adapters, the configuration and the wiring, and nowhere else. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** Text by path, such as `src/release/settings.ts`. */
type Files = Readonly<Record<string, string>>

/** Rooms that are about one service, read what people write about them, or connect them. */
const MAY_NAME = /^src\/(?:adapters|config|cli|sandbox)\//
/** What is stored and published keeps its spelling. */
const STORED_NAMES = 'src/release/stored-names.ts'

const NAMES = /heroku|bitbucket|alembic/i
/** Code that asks which platform it is has forgotten the next one. */
const ASKS_WHICH =
  /(?<!process\.)\bplatform\b\s*[!=]==?\s*['"`]|['"`]\s*[!=]==?\s*(?!process\.)(?:\w+\.)*platform\b|\bcase\s+['"`](?:heroku|git)['"`]/

function violations(files: Files): readonly string[] {
  return Object.entries(files)
    .filter(([path]) => !MAY_NAME.test(path) && path !== STORED_NAMES)
    .flatMap(([path, text]) =>
      text.split('\n').flatMap((line, index) => {
        const at = `${path}:${index + 1}`
        const named = NAMES.exec(line)?.[0]
        if (named !== undefined) return [`${at} names ${named}: a port hands over its words`]
        return ASKS_WHICH.test(line) ? [`${at} asks which platform it is: a platform hands over its facts`] : []
      }),
    )
}

const root = new URL('../', import.meta.url)
const sources: Files = Object.fromEntries(
  readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `src/${path.replaceAll('\\', '/')}`)
    .map((path) => [path, readFileSync(new URL(path, root), 'utf8')]),
)

describe('the names of services', () => {
  it('are read everywhere', () => {
    const rooms = new Set(Object.keys(sources).map((path) => path.split('/')[1]))
    for (const room of ['release', 'worker', 'slack', 'operations', 'lib', 'main.ts']) expect(rooms).toContain(room)
    expect(sources[STORED_NAMES]).toMatch(NAMES)
  })

  it('stand in adapters, the configuration and the wiring, and in the one file of stored names', () => {
    expect(violations(sources)).toEqual([])
  })
})

describe('a planted violation', () => {
  it.each<[path: string, line: string, told: string]>([
    ['src/worker/run/steps/push.ts', "if (remote.name === 'heroku-live') return", 'names heroku'],
    ['src/slack/views/failures.ts', "  why: 'Bitbucket refused the merge',", 'names Bitbucket'],
    ['src/release/policy.ts', '// as alembic does it', 'names alembic'],
    ['src/operations/log.ts', "import { a } from '../adapters/alembic/alembic.ts'", 'names alembic'],
    ['src/lib/clock.ts', 'const HEROKU_API_KEY = 1', 'names HEROKU'],
    ['src/main.ts', 'const herokuApp = 1', 'names heroku'],
    ['src/worker/facts.ts', "if (remote.platform === 'git') return holds", 'asks which platform it is'],
    ['src/slack/views/facts.ts', "if ('git' !== environment.remote.platform) return", 'asks which platform it is'],
    ['src/worker/facts.ts', "    case 'git':", 'asks which platform it is'],
  ])('is told with its place: %s, %j', (path, line, told) => {
    const [found, ...others] = violations({ [path]: `/** A file. */\n${line}\n` })
    expect(found).toContain(`${path}:2 ${told}`)
    expect(others).toEqual([])
  })

  it.each([
    'src/adapters/heroku/heroku.ts',
    'src/config/addresses.ts',
    'src/cli/wiring.ts',
    'src/sandbox/systems.ts',
    STORED_NAMES,
  ])('is none in %s', (path) => {
    expect(violations({ [path]: "export const name = 'heroku'\n" })).toEqual([])
  })

  it('is none where git, the program, is named', () => {
    const files = {
      'src/worker/facts.ts': "ports.git.heads(url)\nconst what = 'git fetch'\nplatforms[remote.platform]\n",
    }
    expect(violations(files)).toEqual([])
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'

/** Text by path, such as `src/release/settings.ts`. */
type Files = Readonly<Record<string, string>>

/** Who reads the environment besides config/, and why. */
const READS_ENVIRONMENT: Readonly<Record<string, string>> = {
  'src/main.ts': 'hands all of it to config/, once',
  'src/adapters/git/environment.ts': 'PATH only, to find git',
  'src/adapters/alembic/alembic.ts': 'PATH only, to find alembic',
  'src/adapters/embedded-postgres/binaries.ts': 'PATH only, for the children of Postgres',
  'src/operations/doctor/checks/host.ts': 'PATH only, to find git',
  'src/sandbox/bare-git.ts': 'PATH only, to find git',
}

/** What each room may know besides itself and libraries. The files beside the rooms know all. */
const MAY_KNOW: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  release: ['lib'],
  slack: ['release', 'lib'],
  worker: ['release', 'lib'],
  adapters: ['release', 'lib'],
  config: ['release', 'lib'],
  operations: ['release', 'lib'],
  sandbox: [],
}

interface Import {
  /** As written; undefined where it is worked out when the program runs. */
  readonly of: string | undefined
  readonly isDynamic: boolean
}

function importsOf(source: string): readonly Import[] {
  const text = source.replace(/^[ \t]*(?:\/\/|\*(?![/\w])).*$/gm, '')
  const of = (pattern: RegExp, isDynamic: boolean): Import[] =>
    [...text.matchAll(pattern)].map(([, written]) => ({ of: written, isDynamic }))
  return [
    ...of(/^[ \t]*(?:import|export)\s[\w\s{},*$]*?\bfrom\s*['"]([^'"\n]+)['"]/gm, false),
    ...of(/^[ \t]*(?:import|export)(?:\{|\*)[\w\s{},*$]*?\bfrom\s*['"]([^'"\n]+)['"]/gm, false),
    ...of(/^[ \t]*import\s*['"]([^'"\n]+)['"]/gm, false),
    ...of(/\b(?:import|require|createRequire\([^)]*\))\s*\(\s*['"`]([^'"`\n$]+)['"`]/g, true),
    ...[...text.matchAll(/\bimport\s*\(\s*(?!['"`][^'"`\n$]+['"`])/g)].map(() => ({ of: undefined, isDynamic: true })),
  ]
}

/** `main` wires the rooms: the program and its commands. Each adapter is a room of its own. */
function roomOf(path: string): string {
  const [, room = '', inner] = path.split('/')
  if (inner === undefined || room === 'cli') return 'main'
  return room === 'adapters' ? `adapters/${inner.replace(/\.ts$/, '')}` : room
}

const kindOf = (room: string) => (room.startsWith('adapters/') ? 'adapters' : room)

function whyNot(path: string, found: Import, libraries: Libraries): string | undefined {
  const room = roomOf(path)
  if (found.of === undefined) return 'imports what nobody can read here'
  if (!found.of.startsWith('.')) {
    if (found.of.startsWith('node:')) return undefined
    const name = found.of
      .split('/')
      .slice(0, found.of.startsWith('@') ? 2 : 1)
      .join('/')
    if (room === 'release') return `imports ${found.of}: release/ imports nothing outside itself`
    if (libraries.used.includes(name) || (room === 'sandbox' && libraries.development.includes(name))) return undefined
    return `imports ${found.of}, which package.json does not name among the dependencies`
  }
  const target = posix.join(posix.dirname(path), found.of)
  if (!target.startsWith('src/')) return `imports ${target}, outside src/`
  const other = roomOf(target)
  if (other === room && room !== 'main') return undefined
  if (other === 'sandbox') {
    return path === 'src/main.ts' && found.isDynamic
      ? undefined
      : `imports ${target}: sandbox/ is loaded by its command only`
  }
  if (room === 'main') return undefined
  const mayKnow = MAY_KNOW[kindOf(room)]
  if (mayKnow === undefined) return `is in a room that DESIGN.md §2 does not have: ${room}`
  return mayKnow.includes(other)
    ? undefined
    : `imports ${target}: ${room} may know ${mayKnow.join(', ') || 'nobody'} only`
}

interface Libraries {
  readonly used: readonly string[]
  readonly development: readonly string[]
}

function directionViolations(files: Files, libraries: Libraries): readonly string[] {
  return Object.entries(files).flatMap(([path, text]) =>
    importsOf(text).flatMap((found) => {
      const why = whyNot(path, found, libraries)
      return why === undefined ? [] : [`${path} ${why}`]
    }),
  )
}

/** Each ring of rooms that know each other, once, from the room that comes first by name. */
function roomCycles(files: Files): readonly string[] {
  const knows = new Map<string, Set<string>>()
  for (const [path, text] of Object.entries(files)) {
    for (const { of } of importsOf(text)) {
      if (!of?.startsWith('.')) continue
      const [from, to] = [roomOf(path), roomOf(posix.join(posix.dirname(path), of))]
      if (from !== to) knows.set(from, (knows.get(from) ?? new Set()).add(to))
    }
  }
  const rings: string[] = []
  const walk = (way: readonly string[]) => {
    const [first = '', last = ''] = [way[0], way.at(-1)]
    for (const next of knows.get(last) ?? []) {
      if (next === first) rings.push([...way, first].join(' → '))
      else if (next > first && !way.includes(next)) walk([...way, next])
    }
  }
  for (const room of [...knows.keys()].sort()) walk([room])
  return rings
}

const ENVIRONMENT = [
  /\bprocess\s*(?:\?\.|\.)\s*env\b/,
  /\bprocess\s*(?:\?\.)?\[\s*['"`]env['"`]/,
  /\{[^{}]*\benv\b[^{}]*\}\s*=\s*(?:globalThis\.)?process\b/,
  /import\s+[^'";]*\benv\b[^'";]*from\s*['"](?:node:)?process['"]/,
]

function environmentViolations(files: Files, exceptions: Readonly<Record<string, string>>): readonly string[] {
  const readers = Object.entries(files).flatMap(([path, text]) =>
    ENVIRONMENT.some((pattern) => pattern.test(text)) ? [path] : [],
  )
  return [
    ...readers
      .filter((path) => roomOf(path) !== 'config' && exceptions[path] === undefined)
      .map((path) => `${path} reads process.env: config/ does that`),
    ...Object.keys(exceptions)
      .filter((path) => !readers.includes(path))
      .map((path) => `${path} is named as an exception and does not read process.env`),
  ]
}

const root = new URL('../', import.meta.url)
const sources: Files = Object.fromEntries(
  readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `src/${path.replaceAll('\\', '/')}`)
    .map((path) => [path, readFileSync(new URL(path, root), 'utf8')]),
)
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Record<
  string,
  Record<string, string>
>
const libraries: Libraries = {
  used: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
  development: Object.keys(manifest.devDependencies ?? {}),
}

describe('the house', () => {
  it('is read whole', () => {
    const rooms = new Set(Object.keys(sources).map((path) => kindOf(roomOf(path))))
    expect([...rooms].sort()).toEqual(['main', ...Object.keys(MAY_KNOW)].sort())
    const imports = Object.values(sources).flatMap(importsOf)
    expect(imports.length).toBeGreaterThan(Object.keys(sources).length)
    expect(imports).toContainEqual({ of: './config/configuration.ts', isDynamic: true })
  })

  it('has one direction', () => {
    expect(directionViolations(sources, libraries)).toEqual([])
  })

  it('has no rooms that know each other in a ring', () => {
    expect(roomCycles(sources)).toEqual([])
  })

  it('reads the environment in config/ alone', () => {
    expect(environmentViolations(sources, READS_ENVIRONMENT)).toEqual([])
  })
})

describe('a planted violation', () => {
  const known: Libraries = { used: ['zod', '@slack/bolt'], development: ['ws'] }

  it.each<[path: string, text: string, told: string]>([
    ['src/release/a.ts', "import { z } from 'zod'", 'imports zod: release/ imports nothing outside itself'],
    ['src/release/a.ts', "import type { B } from '../slack/b.ts'", 'imports src/slack/b.ts: release may know lib only'],
    ['src/release/a.ts', "export * from '../worker/b.ts'", 'imports src/worker/b.ts: release may know lib only'],
    [
      'src/slack/a.ts',
      "export { b } from '../worker/b.ts'",
      'imports src/worker/b.ts: slack may know release, lib only',
    ],
    [
      'src/worker/steps/a.ts',
      "import '../../adapters/git/git.ts'",
      'imports src/adapters/git/git.ts: worker may know release, lib only',
    ],
    [
      'src/config/a.ts',
      "const b = await import('../operations/b.ts')",
      'imports src/operations/b.ts: config may know release, lib only',
    ],
    [
      'src/operations/a.ts',
      "type B = import('../config/b.ts').B",
      'imports src/config/b.ts: operations may know release, lib only',
    ],
    [
      'src/operations/a.ts',
      "import {\n  b,\n  type C,\n} from '../main.ts'",
      'imports src/main.ts: operations may know release, lib only',
    ],
    [
      'src/adapters/git/a.ts',
      "import { b } from '../heroku/heroku.ts'",
      'imports src/adapters/heroku/heroku.ts: adapters/git may know release, lib only',
    ],
    [
      'src/adapters/heroku/heroku.ts',
      "import { b } from '../git/git.ts'",
      'imports src/adapters/git/git.ts: adapters/heroku may know release, lib only',
    ],
    [
      'src/slack/a.ts',
      "import { b } from '../sandbox/b.ts'",
      'imports src/sandbox/b.ts: sandbox/ is loaded by its command only',
    ],
    [
      'src/main.ts',
      "import { b } from './sandbox/b.ts'",
      'imports src/sandbox/b.ts: sandbox/ is loaded by its command only',
    ],
    [
      'src/cli/start.ts',
      "await import('../sandbox/b.ts')",
      'imports src/sandbox/b.ts: sandbox/ is loaded by its command only',
    ],
    [
      'src/sandbox/a.ts',
      "import type { App } from '../release/app.ts'",
      'imports src/release/app.ts: sandbox may know nobody only',
    ],
    [
      'src/helpers/a.ts',
      "import { b } from '../release/b.ts'",
      'is in a room that DESIGN.md §2 does not have: helpers',
    ],
    ['src/slack/a.ts', "import { b } from '../../test/b.ts'", 'imports test/b.ts, outside src/'],
    [
      'src/slack/a.ts',
      "import { WebSocket } from 'ws'",
      'imports ws, which package.json does not name among the dependencies',
    ],
    [
      'src/slack/a.ts',
      "import { readFile } from 'fs'",
      'imports fs, which package.json does not name among the dependencies',
    ],
    ['src/worker/a.ts', 'const b = await import(name)', 'imports what nobody can read here'],
    ['src/worker/a.ts', 'const b = await import(`../$' + '{name}.ts`)', 'imports what nobody can read here'],
  ])('of the direction is named: %s, %j', (path, text, told) => {
    expect(directionViolations({ [path]: `/** A room. */\n${text}\n` }, known)).toEqual([`${path} ${told}`])
  })

  it.each<[path: string, text: string]>([
    ['src/release/a.ts', "import { createHash } from 'node:crypto'\nimport { b } from './b.ts'"],
    ['src/slack/views/a.ts', "import type { B } from '../../release/b.ts'\nimport { App } from '@slack/bolt'"],
    ['src/adapters/git/a.ts', "import { b } from './b.ts'\nimport { c } from '../../release/c.ts'"],
    ['src/sandbox/slack/a.ts', "import { WebSocket } from 'ws'\nimport { b } from '../b.ts'"],
    ['src/main.ts', "import { b } from './slack/b.ts'\nawait import('./sandbox/b.ts')"],
    ['src/slack/a.ts', "const text = `what came\nfrom '../worker/b.ts'`"],
    ['src/slack/a.ts', "// git-fast-import(1)\n/**\n * import { b } from '../worker/b.ts'\n */"],
  ])('is not seen in what is right: %s, %j', (path, text) => {
    expect(directionViolations({ [path]: text }, known)).toEqual([])
  })

  it('of a ring is named once', () => {
    const files = {
      'src/slack/a.ts': "import type { B } from '../worker/b.ts'",
      'src/worker/b.ts': "import type { C } from '../adapters/git/c.ts'",
      'src/adapters/git/c.ts': "import type { A } from '../../slack/a.ts'",
      'src/config/d.ts': "import type { A } from '../slack/a.ts'",
    }
    expect(roomCycles(files)).toEqual(['adapters/git → slack → worker → adapters/git'])
  })

  it.each(['process.env.PATH', "process['env']", 'const { env } = process', "import { env } from 'node:process'"])(
    'of the environment is named: %s',
    (text) => {
      const files = { 'src/slack/a.ts': text, 'src/config/b.ts': text, 'src/main.ts': text }
      expect(environmentViolations(files, { 'src/main.ts': 'hands it on' })).toEqual([
        'src/slack/a.ts reads process.env: config/ does that',
      ])
    },
  )

  it('of the environment is also an exception that is none any more', () => {
    expect(environmentViolations({ 'src/main.ts': 'const a = 1' }, { 'src/main.ts': 'hands it on' })).toEqual([
      'src/main.ts is named as an exception and does not read process.env',
    ])
  })
})

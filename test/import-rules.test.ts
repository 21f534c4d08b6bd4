/** The rules in biome.jsonc and lint/imports.grit, held against violations planted in a copy of the house. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const BIOME = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
/** The rules meant here. The planted files break others, which are no matter. */
const RULES = [
  'lint/correctness/noUndeclaredDependencies',
  'lint/nursery/noJsRestrictedProperties',
  'lint/style/noProcessEnv',
  'lint/style/noRestrictedImports',
  'lint/style/useNodejsImportProtocol',
  'lint/suspicious/noImportCycles',
  'plugin',
]

const ROOMS = 'This room may know release/ and lib/ only.'
const ADAPTERS = 'An adapter may know release/ and lib/ only, and no other adapter.'
const RELEASE = 'release/ may know lib/ only, and no package but the calendar.'
const IN_RELEASE = 'release/ may know lib/ only, and no package.'
const LIB = 'lib/ knows nothing but Node.js.'
const CLI = 'cli/ knows all rooms but sandbox/, and nobody knows main.ts.'
const SANDBOX = 'sandbox/ knows no other room.'
const SANDBOX_LOADED = 'Only the command sandbox loads sandbox/, with import() when it runs.'
const NO_ROOM = 'This file is in no room that biome.jsonc knows, or too deep in one.'
const TYPE = 'Import this type at the top of the file: no rule reads an import here.'
const WRITTEN_OUT = 'Write out what is imported: no rule can read a name that is made when the program runs.'
const REQUIRED = 'Import it: no rule reads what is required.'
const SHORTEST = 'Write the shortest relative path: the rules read it as it is written.'
const CYCLE = 'This import is part of a cycle.'
const GLOBAL_PROCESS = 'Use the global process: by an import, the environment can be read unseen.'
const ENV = "Don't use process.env."
const ENV_PROPERTY = "Do not use 'process.env'."
const undeclared = (name: string) => `Dependency ${name} isn't specified in package.json.`

type Planted = readonly [path: string, text: string, ...found: readonly string[]]

const WRONG: readonly Planted[] = [
  ['src/lib/to-release.ts', "import { b } from '../release/b.ts'", LIB],
  ['src/lib/to-package.ts', "import { z } from 'zod'", LIB],
  ['src/lib/to-execa.ts', "import { execa } from 'execa'", LIB],
  ['src/release/to-package.ts', "import { z } from 'zod'", RELEASE],
  ['src/release/to-room.ts', "import type { B } from '../slack/b.ts'", RELEASE],
  ['src/release/all-of-a-room.ts', "export * from '../worker/b.ts'", RELEASE],
  ['src/release/ports/to-package.ts', "import type { z } from 'zod'", IN_RELEASE],
  ['src/release/ports/to-room.ts', "import type { B } from '../../slack/b.ts'", IN_RELEASE],
  ['src/slack/exported.ts', "export { b } from '../worker/b.ts'", ROOMS],
  ['src/slack/views/to-room.ts', "import { b } from '../../worker/b.ts'", ROOMS],
  ['src/worker/steps/for-its-effects.ts', "import '../../adapters/git/git.ts'", ROOMS],
  ['src/worker/run/steps/to-room.ts', "import { b } from '../../../adapters/git/git.ts'", ROOMS],
  ['src/config/dynamic.ts', "const b = await import('../operations/b.ts')", ROOMS],
  ['src/operations/to-main.ts', "import {\n  b,\n  type C,\n} from '../main.ts'", ROOMS],
  ['src/operations/to-cli.ts', "import { b } from '../cli/b.ts'", ROOMS],
  ['src/operations/checks/to-room.ts', "import type { B } from '../../config/b.ts'", ROOMS],
  ['src/adapters/git/to-adapter.ts', "import { b } from '../heroku/heroku.ts'", ADAPTERS],
  ['src/adapters/git/to-room.ts', "import { b } from '../../slack/b.ts'", ADAPTERS],
  ['src/adapters/git/parts/to-adapter.ts', "import { b } from '../../heroku/heroku.ts'", ADAPTERS],
  ['src/adapters/git/parts/to-room.ts', "import { b } from '../../../slack/b.ts'", ADAPTERS],
  ['src/cli/to-main.ts', "import { b } from '../main.ts'", CLI],
  ['src/cli/deep/to-sandbox.ts', "import { b } from '../../sandbox/b.ts'", CLI, SANDBOX_LOADED],
  ['src/cli/deep/outside.ts', "import { b } from '../../../test/b.ts'", CLI],
  ['src/cli/to-sandbox.ts', "await import('../sandbox/b.ts')", CLI],
  ['src/slack/to-sandbox.ts', "import { b } from '../sandbox/b.ts'", ROOMS, SANDBOX_LOADED],
  ['src/main.ts', "import { b } from './sandbox/b.ts'\nconst c = await import('./sandbox/b.ts')", SANDBOX_LOADED],
  ['src/sandbox/to-room.ts', "import type { App } from '../release/app.ts'", SANDBOX],
  ['src/sandbox/slack/to-room.ts', "import type { App } from '../../release/app.ts'", SANDBOX],
  ['src/helpers/no-room.ts', "import { b } from '../release/b.ts'", NO_ROOM],
  ['src/adapters/no-room.ts', "import { b } from './git/b.ts'", NO_ROOM],
  ['src/no-room.ts', "import { b } from './lib/b.ts'", NO_ROOM],
  ['src/slack/a/b/c/too-deep.ts', "import { b } from './b.ts'", NO_ROOM],
  ['src/slack/outside.ts', "import { b } from '../../test/b.ts'", ROOMS],
  ['src/cli/outside.ts', "import { b } from '../../test/b.ts'", CLI],
  ['src/slack/development.ts', "import { WebSocket } from 'ws'", undeclared('ws')],
  ['src/slack/undeclared.ts', "import type { b } from 'nobody-has-this'", undeclared('nobody-has-this')],
  [
    'src/slack/no-protocol.ts',
    "import { readFile } from 'fs'",
    'A Node.js builtin module should be imported with the node: protocol.',
  ],
  ['src/operations/type.ts', "type B = import('../config/b.ts').B", TYPE],
  ['src/worker/computed.ts', 'const b = await import(name)', WRITTEN_OUT],
  ['src/worker/template.ts', 'const b = await import(`../$' + '{name}.ts`)', WRITTEN_OUT],
  ['src/worker/required.ts', "const b = require('../slack/b.ts')", REQUIRED],
  [
    'src/worker/required-by-another.ts',
    "import { createRequire } from 'node:module'\nconst b = createRequire(import.meta.url)('../slack/b.ts')",
    REQUIRED,
  ],
  ['src/worker/detour.ts', "import { b } from '../lib/../slack/b.ts'", SHORTEST],
  ['src/worker/detour-from-here.ts', "const b = await import('./../slack/b.ts')", SHORTEST],
  ['src/worker/absolute.ts', "import { b } from '/src/slack/b.ts'", SHORTEST],
  ['src/release/ring-a.ts', "import type { B } from './ring-b.ts'\nexport type A = B", CYCLE],
  ['src/release/ring-b.ts', "export type { C as B } from './ring-c.ts'", CYCLE],
  ['src/release/ring-c.ts', "import type { A } from './ring-a.ts'\nexport type C = A", CYCLE],
  ['src/slack/env.ts', 'const path = process.env.PATH', ENV, ENV_PROPERTY],
  ['src/slack/env-by-name.ts', "const env = process['env']", ENV, ENV_PROPERTY],
  ['src/slack/env-taken-out.ts', 'const { env } = process', ENV_PROPERTY],
  ['src/slack/env-imported.ts', "import { env } from 'node:process'", GLOBAL_PROCESS],
]

const RIGHT: readonly Planted[] = [
  ['src/lib/process-group.ts', "import { execa } from 'execa'\nimport { b } from './b.ts'"],
  [
    'src/release/right.ts',
    "import { createHash } from 'node:crypto'\nimport { readFile } from 'node:fs/promises'\nimport { b } from './b.ts'\nimport { c } from '../lib/c.ts'",
  ],
  ['src/release/ports/right.ts', "import type { B } from '../b.ts'\nimport type { C } from '../../lib/c.ts'"],
  ['src/release/beside-the-ring.ts', "import type { A } from './ring-a.ts'\nexport type D = A"],
  [
    'src/slack/views/right.ts',
    "import type { B } from '../../release/b.ts'\nimport { WebClient } from '@slack/web-api'",
  ],
  ['src/worker/run/steps/right.ts', "import { b } from '../../../release/b.ts'\nimport { c } from '../../plan/c.ts'"],
  ['src/adapters/git/right.ts', "import { b } from './b.ts'\nimport { c } from '../../release/c.ts'"],
  ['src/sandbox/slack/right.ts', "import { WebSocket } from 'ws'\nimport { b } from '../b.ts'"],
  ['src/cli/deep/right.ts', "import { b } from '../../adapters/git/b.ts'"],
  ['src/cli/right.ts', "import { b } from '../adapters/git/b.ts'\nconst c = await import('../slack/c.ts')"],
  ['src/config/right.ts', 'const { env } = process\nconst path = process.env.PATH'],
  ['src/slack/right.ts', "const text = `what came\nfrom '../worker/b.ts'`\nconst b = readText('/sandbox/../b')"],
  ['src/slack/comment.ts', "// git-fast-import(1)\n/**\n * import { b } from '../worker/b.ts'\n */"],
  [
    'test/right.ts',
    "import { expect } from 'vitest'\nimport { b } from '../src/sandbox/b.ts'\nconst path = process.env.PATH",
  ],
]

interface Diagnostic {
  readonly category: string
  readonly message: string
  readonly location: { readonly path: string }
}

/** What Biome finds, as each rule says it, by file. */
async function lint(directory: string, ...args: string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const command = [BIOME, 'lint', '--reporter=json', '--max-diagnostics=none', ...args]
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: directory, maxBuffer: 2 ** 26 }).catch(
    // It ends with 1 for what it finds.
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
  )
  const found = new Map<string, string[]>()
  for (const { category, message, location } of (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics) {
    if (RULES.includes(category)) found.set(location.path, [...(found.get(location.path) ?? []), message])
  }
  return found
}

describe('the rules', () => {
  let found: ReadonlyMap<string, readonly string[]>
  beforeAll(async () => {
    const house = await mkdtemp(join(tmpdir(), 'signoff-rules-'))
    try {
      for (const name of ['biome.jsonc', 'package.json', 'lint', '.gitignore']) {
        await cp(join(ROOT, name), join(house, name), { recursive: true })
      }
      for (const [path, text] of [...WRONG, ...RIGHT]) {
        await mkdir(dirname(join(house, path)), { recursive: true })
        await writeFile(join(house, path), `/** A file. */\n${text}\n`)
      }
      found = await lint(house)
    } finally {
      await rm(house, { recursive: true, force: true })
    }
  })

  it.each(WRONG)('find what is planted in %s: %s', (path, _, ...expected) => {
    expect([...(found.get(path) ?? [])].sort()).toEqual([...expected].sort())
  })

  it.each(RIGHT)('leave %s alone: %s', (path) => {
    expect(found.get(path)).toBeUndefined()
  })
})

describe('an exception', () => {
  it('stands in biome.jsonc, and not beside the code', async () => {
    const sources = await readdir(join(ROOT, 'src'), { recursive: true })
    const silenced: string[] = []
    for (const path of sources.filter((name) => name.endsWith('.ts'))) {
      for (const line of (await readFile(join(ROOT, 'src', path), 'utf8')).split('\n')) {
        if (line.includes('biome-ignore') && RULES.some((rule) => line.includes(rule)))
          silenced.push(`${path}: ${line}`)
      }
    }
    expect(silenced).toEqual([])
  })

  it('for process.env is named for files that read it, and for no other', async () => {
    const rules = (await readFile(join(ROOT, 'biome.jsonc'), 'utf8')).replace(/^\s*\/\/.*$/gm, '')
    const { overrides } = JSON.parse(rules) as {
      overrides: { includes: string[]; linter: { rules: { style?: { noProcessEnv?: unknown } } } }[]
    }
    const named = overrides.filter(({ linter }) => linter.rules.style?.noProcessEnv === 'off')
    const directory = await mkdtemp(join(tmpdir(), 'signoff-rules-'))
    try {
      await writeFile(join(directory, 'biome.json'), '{}')
      const read = await lint(ROOT, `--config-path=${directory}`, '--only=style/noProcessEnv', 'src')
      const files = [...read.keys()].filter((path) => !path.startsWith('src/config/'))
      expect(files.sort()).toEqual(
        named
          .flatMap(({ includes }) => includes)
          .filter((path) => path !== 'src/config/**')
          .sort(),
      )
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})

/** What the documents name is there: files, npm scripts, names in the code, and what their links lead to. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = new URL('../', import.meta.url)

/** What a repository has, as far as documents name it. */
interface Repository {
  hasFile(path: string): boolean
  /** Undefined where there is no such file. */
  textOf(path: string): string | undefined
  readonly scripts: readonly string[]
  /** Whether any source or setting has this name. */
  hasName(name: string): boolean
}

/** `src/lib/`, `docs/design.md`; of `src/worker/run/steps/<name>.ts` the folder. */
const PATH = /(?<![\w./-])(?:src|test|docs)\/[\w./-]*/g
const SCRIPT = /\bnpm run ([\w:-]+)/g
/** `stateAfterStop`, `StepName`, `NEXT_STATES`: what reads as a name in the code, or of a variable. */
const NAME = /`([a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*|[A-Z]{2,}(?:_[A-Z]+)*)`/g
/** In Markdown, an image or a link. */
const LINK = /\]\(([^)\s]+)\)/g

/** The files that a text names and the repository does not have. */
function missingFiles(text: string, repository: Repository): readonly string[] {
  const named = [...text.matchAll(PATH)].map(([path]) => path.replace(/[.-]+$/, ''))
  return [...new Set(named)].filter((path) => !repository.hasFile(path)).map((path) => `there is no ${path}`)
}

function missingScripts(text: string, repository: Repository): readonly string[] {
  const named = [...text.matchAll(SCRIPT)].map(([, script = '']) => script)
  return [...new Set(named)]
    .filter((script) => !repository.scripts.includes(script))
    .map((script) => `there is no npm run ${script}`)
}

function missingNames(text: string, repository: Repository): readonly string[] {
  const named = [...text.matchAll(NAME)].map(([, name = '']) => name)
  return [...new Set(named)].filter((name) => !repository.hasName(name)).map((name) => `nothing is called ${name}`)
}

/** A heading's anchor, as code hosts make it. */
function anchorOf(heading: string): string {
  const words = heading.replace(/[`*_]/g, '').trim().toLowerCase()
  return words.replace(/[^\p{L}\p{N}\s-]/gu, '').replaceAll(' ', '-')
}

function anchorsOf(text: string): readonly string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))
}

/** The links of a document, to this repository, that lead nowhere. */
function brokenLinks(path: string, text: string, repository: Repository): readonly string[] {
  return [...text.matchAll(LINK)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return []
    const [file = '', anchor] = target.split('#')
    const to = file === '' ? path : posix.join(posix.dirname(path), file)
    if (!repository.hasFile(to)) return [`${target} leads nowhere`]
    const isHeading = anchor === undefined || anchorsOf(repository.textOf(to) ?? '').includes(anchor)
    return isHeading ? [] : [`${target}: there is no such heading`]
  })
}

function problemsOf(path: string, text: string, repository: Repository): readonly string[] {
  const found = [
    ...missingFiles(text, repository),
    ...missingScripts(text, repository),
    ...missingNames(text, repository),
    ...brokenLinks(path, text, repository),
  ]
  return found.map((problem) => `${path}: ${problem}`)
}

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const filesUnder = (folder: string, ending: string) =>
  readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => `${folder}${path}`)

const sources = [...filesUnder('src/', '.ts'), ...filesUnder('test/', '.ts')].filter(
  (path) => path !== 'test/docs.test.ts',
)
const names = new Set(
  [...sources, 'tsconfig.json', 'vitest.config.ts'].flatMap((path) => read(path).match(/[A-Za-z]\w*/g) ?? []),
)

const here: Repository = {
  hasFile: (path) => existsSync(new URL(path, ROOT)),
  textOf: (path) => (existsSync(new URL(path, ROOT)) ? read(path) : undefined),
  scripts: Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts),
  hasName: (name) => names.has(name),
}

describe('the documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', ...filesUnder('docs/', '.md')]

  it.each(documents)('name only what is there: %s', (path) => {
    expect(problemsOf(path, read(path), here)).toEqual([])
  })

  it('are there wherever the source names one', () => {
    const named = sources.flatMap((path) => read(path).match(/\bdocs\/[\w-]+\.md\b/g) ?? [])
    expect(named).not.toEqual([])
    expect([...new Set(named)].filter((document) => !here.hasFile(document))).toEqual([])
  })

  it('are read: each kind of name is found in them', () => {
    const all = documents.map(read).join('\n')
    for (const kind of [PATH, SCRIPT, NAME, LINK]) expect([...all.matchAll(kind)].length).toBeGreaterThan(5)
  })
})

describe('docs/decisions.md', () => {
  it('gives a reason for each file of the source over 300 lines, and for no other', () => {
    const [, listed = ''] = read('docs/decisions.md').split('### Files over 300 lines')
    const withReason = [...listed.matchAll(/^\| `(src\/\S+)` +\| \S/gm)].map(([, path = '']) => path)
    const long = filesUnder('src/', '').filter(
      (path) => /\.(?:ts|css|py|html)$/.test(path) && read(path).split('\n').length > 301,
    )
    expect(withReason.toSorted()).toEqual(long.toSorted())
  })
})

describe('a planted mistake', () => {
  const files: Readonly<Record<string, string>> = {
    'docs/a.md': '# A\n\n## How it `runs`: *well*\n\n```sh\n# not a heading\n```\n',
    'src/lib/': '',
    'src/lib/clock.ts': '',
    'README.md': '',
  }
  const planted: Repository = {
    hasFile: (path) => path in files || `${path}/` in files,
    textOf: (path) => files[path],
    scripts: ['lint'],
    hasName: (name) => name === 'stepsFor' || name === 'STORE_URL',
  }

  it.each<[text: string, problem: string]>([
    ['see `src/lib/clocks.ts`', 'there is no src/lib/clocks.ts'],
    ['the folder src/libs/ has it', 'there is no src/libs/'],
    ['write `test/<name>.ts`', 'there is no test/'],
    ['`npm run lint:all`', 'there is no npm run lint:all'],
    ['call `stepsOf`', 'nothing is called stepsOf'],
    ['a `StepRow`', 'nothing is called StepRow'],
    ['set `STORE_PATH`', 'nothing is called STORE_PATH'],
    ['[b](b.md)', 'b.md leads nowhere'],
    ['![picture](../picture.png)', '../picture.png leads nowhere'],
    ['[A](a.md#b)', 'a.md#b: there is no such heading'],
    ['[A](#b)', '#b: there is no such heading'],
    ['[A](#not-a-heading)', '#not-a-heading: there is no such heading'],
  ])('is found: %s', (text, problem) => {
    expect(problemsOf('docs/a.md', text, planted)).toEqual([`docs/a.md: ${problem}`])
  })

  it.each([
    'see `src/lib/clock.ts`, in src/lib/.',
    'write `src/lib/<name>.ts`',
    'call `stepsFor`, set `STORE_URL`, press `Approve`, type `/deploy`, and StepRow is no code here',
    '`npm run lint -- --all`, `npm test`',
    '[A](a.md#how-it-runs-well), [A](#a), [README](../README.md), [there](https://example.com/nowhere)',
    'the path /srv/src/elsewhere, my-docs/nothing.md',
  ])('is not seen in what is right: %s', (text) => {
    expect(problemsOf('docs/a.md', text, planted)).toEqual([])
  })
})

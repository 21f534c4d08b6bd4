/**
 * The command `signoff init`: asks what it can't find out, writes releases.yml, the Slack app's manifest and samples of the
 * env files. Overwrites nothing unasked, so it is safe to repeat.
 */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, open, readFile, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readReleases } from '../../config/releases-file.ts'
import { type Checkout, lookAtCheckout } from './checkout.ts'
import { type Answers, isAsked, NONE, QUESTIONS, type QuestionName } from './questions.ts'
import { filesOf, type WrittenFile } from './written-files.ts'

/** A person at a terminal. */
export interface Terminal {
  /** Prints the question, and gives the line that is typed; rejects when the input ends. */
  ask(question: string): Promise<string>
}

export interface InitCall {
  /** Absolute; the other files are written beside it. */
  readonly releasesFile: string
  /** Where a checkout of the app is looked for. */
  readonly checkout: string
  readonly given: Partial<Answers>
  /** Replaces files that differ without asking. */
  readonly overwrite: boolean
  readonly manifest: string
  readonly timeZone: string
  /** Absent: nobody is there to answer, so everything that has no answer is a problem. */
  readonly terminal?: Terminal
  readonly print: (line: string) => void
}

/** Exit codes: 0: each file is there; 1: one that differs was left as it is; 2: an answer is missing or wrong. */
export async function runInit(call: InitCall): Promise<0 | 1 | 2> {
  const { print, releasesFile } = call
  const checkout = await lookAtCheckout(call.checkout)
  for (const line of seen(checkout)) print(line)
  const answers = await answersFor(call, checkout)
  if (answers === undefined) return 2
  const directory = dirname(releasesFile)
  const files = filesOf(answers, { ...call, checkout }).map((file) =>
    file.name === 'releases.yml' ? { ...file, name: basename(releasesFile) } : file,
  )
  const problems = readReleases(files[0]?.text ?? '', directory).report([])
  if (problems.length > 0) {
    for (const problem of problems) print(`✗ ${problem}`)
    print('Nothing was written.')
    return 2
  }
  await mkdir(directory, { recursive: true })
  let isLeft = false
  for (const file of files) if ((await write(call, join(directory, file.name), file)) === 'left') isLeft = true
  return isLeft ? 1 : 0
}

function seen(checkout: Checkout | undefined): readonly string[] {
  if (checkout === undefined)
    return ['Found no checkout of the app here, so nothing can be proposed. --checkout names one.']
  const { root, branches, herokuRemotes, migrations } = checkout
  const count = (all: readonly unknown[], one: string, many: string) => `${all.length} ${all.length === 1 ? one : many}`
  const found = [
    count(branches, 'branch', 'branches'),
    count(herokuRemotes, 'Heroku remote', 'Heroku remotes'),
    count(migrations, 'migration configuration', 'migration configurations'),
  ]
  return [`Found a checkout: ${root} (${found.join(', ')})`]
}

/** Those that were given as options, else what the person types, else what is proposed. */
async function answersFor(call: InitCall, checkout: Checkout | undefined): Promise<Answers | undefined> {
  const { given, terminal, print } = call
  const answered: Partial<Record<QuestionName, string>> = {}
  const problems: string[] = []
  for (const { name, asks, option, proposal, problem } of QUESTIONS) {
    if (!isAsked(name, answered)) {
      answered[name] = NONE
      continue
    }
    const proposed = proposal(checkout, answered)
    const typed = given[name]?.trim()
    if (typed !== undefined) {
      const wrong = typed === '' ? 'must not be empty' : problem(typed)
      if (wrong !== undefined) problems.push(`${option} ${wrong}`)
      else answered[name] = typed
    } else if (terminal !== undefined && problems.length === 0) {
      answered[name] = await askUntilRight({ asks, proposed, problem, terminal, print })
    } else if (proposed !== undefined) {
      answered[name] = proposed
    } else {
      problems.push(`${option} is missing: ${asks}`)
    }
  }
  if (problems.length === 0) return answered as Answers
  print('signoff init needs these options where it can’t ask:')
  for (const each of problems) print(`  ${each}`)
  return undefined
}

async function askUntilRight(question: {
  readonly asks: string
  readonly proposed: string | undefined
  readonly problem: (answer: string) => string | undefined
  readonly terminal: Terminal
  readonly print: (line: string) => void
}): Promise<string> {
  const { asks, proposed, problem, terminal, print } = question
  for (;;) {
    const typed = (await terminal.ask(`${asks}${proposed === undefined ? '' : ` [${proposed}]`}: `)).trim()
    const answer = typed === '' ? (proposed ?? '') : typed
    const wrong = answer === '' ? 'Type an answer.' : problem(answer)
    if (wrong === undefined) return answer
    print(answer === '' ? `  ${wrong}` : `  “${answer}” ${wrong}`)
  }
}

async function write(call: InitCall, path: string, file: WrittenFile): Promise<'written' | 'kept' | 'left'> {
  const { print } = call
  if (file.isSecret) {
    const isThere = await access(path, constants.F_OK).then(
      () => true,
      () => false,
    )
    if (isThere) {
      print(`kept     ${path}`)
      return 'kept'
    }
    return create(call, path, file)
  }
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return create(call, path, file)
  if (text === file.text) {
    print(`the same ${path}`)
    return 'kept'
  }
  for (const line of await difference(path, file.text)) print(line)
  if (!call.overwrite && !(await says(call, `Replace ${path}? [y/N]: `))) {
    print(`left     ${path}: it differs, as shown above. --overwrite replaces it.`)
    return 'left'
  }
  return replace(call, path, file)
}

async function says({ terminal }: InitCall, question: string): Promise<boolean> {
  return terminal !== undefined && /^y(es)?$/i.test((await terminal.ask(question)).trim())
}

/** Fails where somebody else has made the file meanwhile. */
async function create({ print }: InitCall, path: string, { text, mode }: WrittenFile): Promise<'written'> {
  const file = await open(path, 'wx', mode)
  await file.writeFile(text)
  await file.close()
  print(`wrote    ${path}`)
  return 'written'
}

/** Whole or not at all. */
async function replace({ print }: InitCall, path: string, { text, mode }: WrittenFile): Promise<'written'> {
  const beside = `${path}.new`
  const file = await open(beside, 'w', mode)
  await file.writeFile(text)
  await file.close()
  await rename(beside, path)
  print(`replaced ${path}`)
  return 'written'
}

/** Between the file and what would be written, as git shows it. */
function difference(path: string, text: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const child = execFile('git', ['diff', '--no-index', '--no-color', '--', path, '-'], (_, output) => {
      const from = output.indexOf('@@')
      resolve(from < 0 ? [] : output.slice(from).trimEnd().split('\n'))
    })
    child.stdin?.end(text)
  })
}

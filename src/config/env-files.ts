/** Checks that the env files of migrations exist, and finds the secrets in them. */
import { readFileSync, statSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { EnvFileUse } from './environments-in-file.ts'
import type { PlacedProblem } from './explain.ts'
import { decoded, secretsIn } from './secrets.ts'

const MAX_BYTES = 1_000_000
const OTHERS_MAY_READ = 0o004

export interface EnvFilesRead {
  readonly problems: readonly PlacedProblem[]
  readonly warnings: readonly string[]
  readonly secrets: readonly string[]
}

/** Reads every env file. Reports missing and unreadable ones, and warns about those that everyone can read. Shows no value. */
export function readEnvFiles(uses: readonly EnvFileUse[], storeUrl: string | undefined): EnvFilesRead {
  const problems: PlacedProblem[] = []
  const warnings: string[] = []
  const secrets = new Set<string>()
  const store = databaseIn(storeUrl)
  for (const { path, place, environment } of uses) {
    const file = readEnvFile(path)
    if (!file.ok) {
      problems.push({ path: place, text: `${file.problem}: ${path}` })
      continue
    }
    if (file.worldReadable) {
      warnings.push(`The env file of ${environment} can be read by everyone on this machine; run chmod 600 on it`)
    }
    if (file.strayLines.length > 0) {
      const lines = `${file.strayLines.length === 1 ? 'line' : 'lines'} ${file.strayLines.slice(0, 5).join(', ')}`
      warnings.push(`The env file of ${environment} has no NAME=value in ${lines}, which is ignored; fix it in ${path}`)
    }
    if (store !== undefined && Object.values(file.variables).some((value) => databaseIn(value) === store)) {
      problems.push({
        path: place,
        text: "points to Signoff's own store (STORE_URL), where a migration must never run",
      })
    }
    for (const [name, value] of Object.entries(file.variables)) {
      for (const secret of secretsIn(name, value)) secrets.add(secret)
    }
  }
  return { problems, warnings, secrets: [...secrets] }
}

type EnvFile =
  | {
      readonly ok: true
      readonly variables: Readonly<Record<string, string>>
      readonly worldReadable: boolean
      /** The numbers of lines that set nothing. */
      readonly strayLines: readonly number[]
    }
  | { readonly ok: false; readonly problem: string }

function readEnvFile(path: string): EnvFile {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) return { ok: false, problem: 'is not a file' }
    if (stat.size > MAX_BYTES) return { ok: false, problem: 'is too large for an env file' }
    const text = readFileSync(path, 'utf8')
    if (text.includes('\0')) return { ok: false, problem: 'is not a text file' }
    const entries = Object.entries(parseEnv(text)).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    )
    if (entries.length === 0) return { ok: false, problem: 'contains no variables' }
    const worldReadable = (stat.mode & OTHERS_MAY_READ) !== 0
    return { ok: true, variables: Object.fromEntries(entries), worldReadable, strayLines: strayLines(text) }
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    return { ok: false, problem: isMissing ? 'names a file that does not exist' : "names a file that can't be read" }
  }
}

/** The lines that are neither empty, nor a comment, nor part of `NAME=value`, whose quoted value may have several lines. */
function strayLines(text: string): readonly number[] {
  const stray: number[] = []
  let quote: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (quote !== undefined) {
      if (line.includes(quote)) quote = undefined
      continue
    }
    if (/^\s*(?:#|$)/.test(line)) continue
    const [, opened, rest = ''] = /^\s*(?:export\s+)?[^\s=#]+\s*=\s*(["'`])?(.*)$/.exec(line) ?? [undefined, 'none']
    if (opened === 'none') stray.push(index + 1)
    else if (opened !== undefined && !rest.includes(opened)) quote = opened
  }
  return stray
}

/** Host, port and name of a Postgres URL's database. */
function databaseIn(value: string | undefined): string | undefined {
  if (value === undefined || !/^postgres(ql)?(\+[a-z0-9]+)?:\/\//i.test(value) || !URL.canParse(value)) return undefined
  const url = new URL(value)
  const host = url.searchParams.get('host') ?? url.hostname
  const name = decoded(url.pathname.slice(1))
  return host === '' || name === '' ? undefined : JSON.stringify([decoded(host), url.port || '5432', name])
}

/** The whole configuration from outside, read and checked once at the start. */
import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { defined } from '../lib/defined.ts'
import type { Releases } from '../release/settings.ts'
import { type EnvFilesRead, readEnvFiles } from './env-files.ts'
import { type ReleasesFile, readReleases } from './releases-file.ts'
import { type Role, readVariables, type Variables } from './variables.ts'
import { readWebhookSecrets, type WebhookSettings } from './webhooks.ts'

/** The settings of the variables, with what `releases.yml` and the env files add. */
export interface Configuration extends Omit<Variables, 'secrets' | 'problems' | 'warnings'> {
  readonly role: Role
  /** The group of this worker, with `--group`. */
  readonly group?: string
  readonly releases: Releases
  /** With their secrets; empty for a worker alone. */
  readonly webhooks: readonly WebhookSettings[]
  /** Every known secret, for scrubbing, including those of env files and the passwords in URLs. */
  readonly secrets: readonly string[]
}

export type ConfigurationRead =
  | { readonly ok: true; readonly configuration: Configuration; readonly warnings: readonly string[] }
  /** One line each. They name settings and places, and contain no value. */
  | { readonly ok: false; readonly problems: readonly string[] }

/**
 * Reads the variables, `releases.yml` and, for the worker, the env files that it names. Returns the problems of all of them
 * together. Changes nothing, and does not throw for a wrong configuration.
 *
 * @param from.cwd the base of relative paths in variables
 * @param from.role whose settings are needed
 * @param from.group the worker's group: only the secrets of its environments are needed and read
 */
export function readConfiguration(from: {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly role: Role
  readonly group?: string
}): ConfigurationRead {
  const variables = readVariables(from.env, from.cwd, from.role)
  const { bot, worker, secrets, problems: variableProblems, warnings, ...rest } = variables
  const problems = [...variableProblems, ...dataDirProblems(rest.dataDir)]
  const text = readReleasesText(rest.releasesFile)
  const file = text.ok ? readReleases(text.text, dirname(rest.releasesFile)) : undefined
  const envFiles = envFilesFor(from, file, rest.storeUrl)
  const hooks = readWebhookSecrets(file?.webhooks ?? [], from.env, from.role !== 'worker')
  if (!text.ok) problems.push(text.problem)
  const hasHerokuKey = (from.env.HEROKU_API_KEY ?? '').trim() !== ''
  if (from.role !== 'bot' && file?.groupsOnHeroku.has(from.group) && !hasHerokuKey) {
    problems.push('HEROKU_API_KEY is missing: an environment is on Heroku')
  }
  const grouped = file === undefined ? { problems: [], warnings: [] } : checkGroup(from, file)
  problems.push(...grouped.problems)
  if (file !== undefined) problems.push(...file.report([...envFiles.problems, ...hooks.problems]))
  if (problems.length > 0 || file?.releases === undefined) return { ok: false, problems }
  return {
    ok: true,
    configuration: {
      role: from.role,
      ...rest,
      ...defined({ bot, worker, group: from.group }),
      releases: file.releases,
      webhooks: hooks.webhooks,
      secrets: [...new Set([...secrets, ...envFiles.secrets, ...hooks.secrets])],
    },
    warnings: [...warnings, ...grouped.warnings, ...file.warnings, ...envFiles.warnings, ...hooks.warnings],
  }
}

interface Starting {
  readonly role: Role
  readonly group?: string
}

/** Whether the file has the worker's group, and whether a worker without one has anything to do. */
function checkGroup(
  { role, group }: Starting,
  { groups, hasUngrouped }: ReleasesFile,
): { readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  if (group !== undefined) {
    const has = groups.length === 0 ? 'it has no groups' : `it has ${groups.join(', ')}`
    return {
      problems: groups.includes(group) ? [] : [`--group ${group} is not in releases.yml under workers: ${has}`],
      warnings: [],
    }
  }
  const isIdle = role !== 'bot' && groups.length > 0 && !hasUngrouped
  const warning = `Every environment belongs to a group, so a worker without --group releases nothing; start it with --group ${groups.join(' or --group ')}`
  return { problems: [], warnings: isIdle ? [warning] : [] }
}

/** The bot never reads env files, even where it could, and a worker none of another group's. */
function envFilesFor(
  { role, group }: Starting,
  file: ReleasesFile | undefined,
  storeUrl: string | undefined,
): EnvFilesRead {
  if (role === 'bot' || file === undefined) return { problems: [], warnings: [], secrets: [] }
  return readEnvFiles(
    file.envFiles.filter((use) => use.group === group),
    storeUrl,
  )
}

/** A missing directory is no problem: it is created at the start. */
function dataDirProblems(path: string): readonly string[] {
  try {
    return statSync(path).isDirectory() ? [] : ['DATA_DIR is not a directory']
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return []
    return [
      code === 'ENOTDIR'
        ? 'DATA_DIR is inside a path that is not a directory'
        : 'DATA_DIR is not accessible to this user',
    ]
  }
}

/** The text of `releases.yml`, or why it can't be read. */
export function readReleasesText(
  path: string,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string } {
  try {
    return { ok: true, text: readFileSync(path, 'utf8') }
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return {
      ok: false,
      problem: isMissing
        ? `releases.yml: there is no file ${path}; set RELEASES_FILE to its path`
        : `releases.yml: ${path} can't be read; check its permissions and RELEASES_FILE`,
    }
  }
}

/** The shape of `releases.yml` (DESIGN.md §6.2): what is checked, completed by editors, and typed, from one source. */
import { z } from 'zod'
import { COMMIT_PATTERN, RESERVED_WORDS } from '../release/command.ts'
import { PLATFORM_NAMES } from '../release/stored-names.ts'
import { gitUrlProblem } from './addresses.ts'
import { milliseconds } from './durations.ts'

/** What Postgres takes for its limits. */
const MOST_MILLISECONDS = 2_147_483_647
const A_YEAR_MS = 366 * 86_400_000

function text(pattern: RegExp, message: string) {
  return z.string().regex(pattern, message)
}

/** A name of an app or environment: it is typed in commands, so nothing there may read as something else. */
const name = text(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and -, beginning with a letter')
  .refine((value) => !RESERVED_WORDS.some((word) => word === value), 'is a word of the commands')
  .refine((value) => !COMMIT_PATTERN.test(value), 'reads as a commit (4 to 40 hex digits)')

const gitUrl = z.string().superRefine((value, context) => {
  const problem = gitUrlProblem(value)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
})

/** The rules of `git check-ref-format`, and fewer characters: a branch is also shown, typed and put into commands. */
const branch = z
  .string()
  .refine(
    (value) =>
      /^[\p{L}\p{N}._/+@#=,!%&'-]{1,200}$/u.test(value) &&
      !/^[-/.]|[/.]$|\.\.|\/\/|\/\.|@\{|\.lock(\/|$)|^refs\//.test(value) &&
      value !== '@' &&
      value !== 'HEAD',
    'must be the name of a branch, such as master',
  )

function isPathInRepository(value: string): boolean {
  const parts = value.replace(/^\.\//, '').split('/')
  return !/^-|[\p{C}\\]/u.test(value) && parts.every((part) => !['', '.', '..'].includes(part) && !part.startsWith('-'))
}

const durationMessage = 'must be a time such as 10s, 5min or 24h'

function duration(allowed: (ms: number) => boolean, message: string) {
  const isAllowed = (value: string) => {
    const ms = milliseconds(value)
    return ms !== undefined && allowed(ms)
  }
  return text(/^(0|[0-9]{1,10}(ms|s|min|h|d))$/, message).refine(isAllowed, message)
}

const limitMessage = `${durationMessage}, at most 24d, or 0 for none`
const limit = z.union([z.literal(0), duration((ms) => ms <= MOST_MILLISECONDS, limitMessage)], { error: limitMessage })

const people = (meaning: string) =>
  z
    .array(
      text(
        /^(@[a-z0-9][a-z0-9._-]{0,79}|[UW][A-Z0-9]{1,20})$/,
        'must be a user group in quotes, such as "@qa", or a Slack user id, such as U012AB3CD',
      ),
    )
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'lists somebody twice')
    .describe(`${meaning}: user groups ("@handle") and Slack user ids`)

const risk = z.enum(['adds', 'locks', 'destroys', 'unknown'])

export const remoteSchema = z.strictObject({
  name: text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be the name of a git remote, such as heroku-production'),
  url: gitUrl.describe('Where the environment is deployed to: https; http and paths for this machine only'),
  branch: branch.default('master').describe('The branch on the remote'),
  platform: z.enum(PLATFORM_NAMES).optional().describe('Left out: heroku on git.heroku.com, else git'),
  app: text(/^[a-z][a-z0-9-]{1,62}$/, 'must be the name of a Heroku app')
    .optional()
    .describe('The Heroku app; left out: from the URL'),
})

const migrations = z.strictObject({
  config: z
    .string()
    .refine(isPathInRepository, 'must be a path inside the repository, such as alembic.ini')
    .describe("The alembic configuration, a path inside the app's repository"),
  env_file: text(/^[^\p{C}]+$/u, 'must be a path')
    .optional()
    .describe('Relative to this file; the only variables that the migration gets'),
  alembic: text(/^[^\s\p{C}-][^\p{C}]*$/u, 'must be a program: a name or a path')
    .default('alembic')
    .describe('The alembic program: a name on PATH, or a path'),
  lock_timeout: limit.default('10s').describe('How long a migration may wait for a lock; 0: no limit'),
  statement_timeout: limit.default(0).describe('How long one statement may take; 0: no limit'),
  talk_it_over: z
    .array(risk)
    .refine((list) => new Set(list).size === list.length, 'lists a kind twice')
    .optional()
    .describe('Kinds of migrations that need Talked over; left out: destroys and unknown where there is a sign_off'),
  approvers: people('Who may say Talked over; left out: the approvers').optional(),
})

const signOff = z.strictObject({
  qa: z.int().min(0).max(20).default(1).describe('How many people must say that QA passed'),
  approvals: z.int().min(0).max(20).default(1).describe('How many people must approve, the requester not among them'),
  approvers: people('Who may approve; left out: every full member').optional(),
  qa_by: people('Who may say that QA passed; left out: every full member').optional(),
  emergency_by: people('Who may say "must go out now"; left out: the approvers').optional(),
  require_checks: z.boolean().default(false).describe('true: without good build statuses a release is refused'),
  expires_after: duration((ms) => ms > 0 && ms <= A_YEAR_MS, `${durationMessage}, at most 366d`)
    .default('24h')
    .describe('How long the sign-offs may take'),
})

export const environmentSchema = z.strictObject({
  branch: branch.describe('The branch that this environment follows'),
  promotes: z.string().optional().describe("The environment of the same app whose branch is brought to this one's"),
  pull_request: z.enum(['branch', 'pinned']).default('branch').describe('What the pull request is opened from'),
  remote: remoteSchema,
  migrations: migrations.optional(),
  channel: text(
    /^(#[^\s\p{C}\p{Lu}#@,.:;<>&|"']{1,80}|[CG][A-Z0-9]{1,20})$/u,
    'must be a channel in quotes, such as "#product", or a channel id, such as C012AB3CD',
  ),
  announce: z.enum(['required', 'off']).default('off').describe('Whether the channel must have been told first'),
  sign_off: z
    .union([z.literal('none'), signOff])
    .default('none')
    .describe('Who must agree; none: nobody'),
})

export const appSchema = z.strictObject({
  repository: text(
    /^(?!\.{1,2}\/)[A-Za-z0-9_.-]+\/(?!\.{1,2}$)[A-Za-z0-9_.-]+$/,
    'must be a Bitbucket repository, written workspace/slug',
  ),
  git_url: gitUrl.optional().describe('Left out: the repository at bitbucket.org'),
  environments: z.record(name, environmentSchema).refine((all) => Object.keys(all).length > 0, 'needs an environment'),
})

export const releasesSchema = z.strictObject({
  slack: z
    .strictObject({
      progress: z.enum(['lines', 'plan']).default('lines').describe('How a running card shows its steps'),
    })
    .prefault({}),
  apps: z.record(name, appSchema).refine((all) => Object.keys(all).length > 0, 'needs an app'),
})

export const signOffSchema = environmentSchema.shape.sign_off

export type EnvironmentEntry = z.output<typeof environmentSchema>
export type AppEntry = z.output<typeof appSchema>

export type RemoteEntry = z.output<typeof remoteSchema>
export type SignOffEntry = z.output<typeof signOffSchema>

/** The JSON Schema (draft 2020-12) of what people write in `releases.yml`, for editors. */
export function releasesJsonSchema(): Record<string, unknown> {
  jsonSchema ??= { ...z.toJSONSchema(releasesSchema, { io: 'input' }), title: 'releases.yml of Signoff' }
  return jsonSchema
}

let jsonSchema: Record<string, unknown> | undefined

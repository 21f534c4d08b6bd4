/** Schemas of single values that several parts of `releases.yml` use. */
import { z } from 'zod'
import { gitUrlProblem, webUrlProblem } from '../addresses.ts'
import { milliseconds } from '../durations.ts'

export function text(pattern: RegExp, message: string) {
  return z.string().regex(pattern, message)
}

function address(problemOf: (url: string) => string | undefined) {
  return z.string().superRefine((value, context) => {
    const problem = problemOf(value)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })
}

export const gitUrl = address(gitUrlProblem)
export const webUrl = address(webUrlProblem)

/** Stricter than `git check-ref-format`, because people read and type branches, and commands contain them. */
export const branch = z
  .string()
  .refine(
    (value) =>
      /^[\p{L}\p{N}._/+@#=,!%&'-]{1,200}$/u.test(value) &&
      !/^[-/.]|[/.]$|\.\.|\/\/|\/\.|@\{|\.lock(\/|$)|^refs\//.test(value) &&
      value !== '@' &&
      value !== 'HEAD',
    'must be the name of a branch, such as master',
  )

export function isPathInRepository(value: string): boolean {
  const parts = value.replace(/^\.\//, '').split('/')
  return !/^-|[\p{C}\\]/u.test(value) && parts.every((part) => !['', '.', '..'].includes(part) && !part.startsWith('-'))
}

export const durationMessage = 'must be a time such as 10s, 5min or 24h'

export function duration(allowed: (ms: number) => boolean, message: string) {
  const isAllowed = (value: string) => {
    const ms = milliseconds(value)
    return ms !== undefined && allowed(ms)
  }
  return text(/^(0|[0-9]{1,10}(ms|s|min|h|d))$/, message).refine(isAllowed, message)
}

/** A list without duplicates. It must not be empty, because an empty list and a missing one mean different things. */
export function list<T extends z.ZodType>(item: T, messages: { empty: string; twice: string }) {
  return z
    .array(item)
    .min(1, messages.empty)
    .refine((items) => new Set(items).size === items.length, messages.twice)
}

export const people = list(
  text(
    /^(@[a-z0-9][a-z0-9._-]{0,79}|[UW][A-Z0-9]{1,20})$/,
    'must be a user group in quotes, such as "@qa", or a Slack user id, such as U012AB3CD',
  ),
  { empty: 'is an empty list, which allows nobody; remove the key to allow the default', twice: 'names someone twice' },
)

export const ENVIRONMENT = /^[a-z][a-z0-9-]{0,62}\/[a-z][a-z0-9-]{0,62}$/

/** `controlProblems` checks that the environments are declared. */
export const environments = list(
  text(ENVIRONMENT, 'must be an app and its environment, written app/environment, such as api/production'),
  { empty: 'is an empty list; add an environment', twice: 'names an environment twice' },
)

/** A number of people. */
export const count = z.int().min(0).max(20)

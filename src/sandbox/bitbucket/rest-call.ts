import type { Answer } from '../rest-faults.ts'
import { pageOf } from './filter.ts'
import type { Identity } from './state.ts'

export type Json = Record<string, unknown>

/** An authenticated request to the repository; a missing body counts as empty. */
export type RestCall = { method: string; url: URL; path: string[]; body: Json; by: Identity }

/** An error in the format of Bitbucket's REST API. */
export function refusal(status: number, message: string, detail?: unknown): Answer {
  return { status, body: { type: 'error', error: { message, ...(detail === undefined ? {} : { detail }) } } }
}

export const notFound = refusal(404, 'Resource not found')
export const notAllowed = refusal(405, 'Method not allowed')

export const COMMIT_PAGES = { pagelen: 30, max: 100 }
export const PULL_REQUEST_PAGES = { pagelen: 10, max: 50 }
export const PAGES = { pagelen: 10, max: 100 }

/** One page of a list by the request's parameters, or Bitbucket's error about them. */
export const page = (call: RestCall, rows: readonly Json[], limits: { pagelen: number; max: number }): Answer => {
  const drawn = pageOf(call.url, rows, limits)
  return typeof drawn.error === 'string' ? refusal(400, drawn.error) : { status: 200, body: drawn }
}

/** The text at a path in a body, or undefined if there is none. */
export function textAt(body: Json, ...path: string[]): string | undefined {
  let value: unknown = body
  for (const name of path) value = typeof value === 'object' && value !== null ? (value as Json)[name] : undefined
  return typeof value === 'string' ? value : undefined
}

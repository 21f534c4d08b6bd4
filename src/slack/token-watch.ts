/**
 * Whether Slack accepts our token. One that was revoked, or lacks a scope, is no passing failure: someone has to fix the app,
 * so the log says so once a minute, the process is not ready, and people read it in their answers.
 */

import { defined } from '../lib/defined.ts'

/** Slack's codes for a token or an app that someone has to fix, whatever the method (errors of auth.test). */
const WHOLE_TOKEN: readonly string[] = [
  'account_inactive',
  'invalid_auth',
  'not_authed',
  'token_expired',
  'token_revoked',
]
/** The same for single methods: a scope that the app was installed without, or a feature that the plan lacks. */
const ONE_METHOD: readonly string[] = [
  'missing_scope',
  'no_permission',
  'not_allowed_token_type',
  'paid_teams_only',
  'plan_upgrade_required',
]
/** An app that was made from an older manifest lacks these. What needs them does without, and says so itself. */
const OPTIONAL_SCOPES: readonly string[] = ['im:history']
/** Messages go without what these give. */
const OPTIONAL_METHODS: readonly string[] = ['chat.getPermalink', 'users.lookupByEmail']

const LOGGED_EVERY_MS = 60_000
/** Without a new refusal the method may work again. */
const METHOD_FORGOTTEN_MS = 5 * 60_000

export interface TokenRefusal {
  readonly method: string
  /** Slack's code. */
  readonly error: string
  /** The scopes that the method needs, where the token lacks one. */
  readonly needed?: string
}

/** Such as `missing_scope at users.info, which needs users:read`. */
export function refusalInWords({ method, error, needed }: TokenRefusal): string {
  return `${error} at ${method}${needed === undefined ? '' : `, which needs ${needed}`}`
}

export interface TokenWatch {
  /** Every call's outcome. `error`: Slack's code where it refused the call; `needed`: the scopes that it lacks. */
  heard(method: string, outcome: string, error?: string, needed?: string): void
  /** What Slack refuses at present; undefined while it accepts the token. */
  refusal(): TokenRefusal | undefined
}

export function createTokenWatch({
  log,
  now = () => performance.now(),
}: {
  readonly log: { error(fields: object, message: string): void; info(fields: object, message: string): void }
  readonly now?: () => number
}): TokenWatch {
  let whole: TokenRefusal | undefined
  const methods = new Map<string, TokenRefusal & { readonly at: number }>()
  const loggedAt = new Map<string, number>()

  function report(refusal: TokenRefusal): void {
    const { method, error } = refusal
    // A token that is refused is one problem, whichever method meets it.
    const problem = WHOLE_TOKEN.includes(error) ? error : `${method} ${error}`
    if ((loggedAt.get(problem) ?? Number.NEGATIVE_INFINITY) + LOGGED_EVERY_MS > now()) return
    loggedAt.set(problem, now())
    log.error(refusal, 'Slack refuses our token: nothing reaches people until someone fixes it')
  }

  return {
    heard(method, outcome, error = '', needed) {
      const refused = { method, error, ...defined({ needed }) }
      if (needed !== undefined && OPTIONAL_SCOPES.includes(needed)) return
      if (outcome === 'ok') {
        if (whole !== undefined) log.info({ method }, 'Slack accepts our token again')
        whole = undefined
        methods.delete(method)
        return
      }
      if (WHOLE_TOKEN.includes(error)) whole = refused
      else if (ONE_METHOD.includes(error)) {
        if (!OPTIONAL_METHODS.includes(method)) methods.set(method, { ...refused, at: now() })
      } else return
      report(refused)
    },
    refusal() {
      if (whole !== undefined) return whole
      for (const [name, { at, ...refused }] of methods) {
        if (at + METHOD_FORGOTTEN_MS > now()) return refused
        methods.delete(name)
      }
      return undefined
    },
  }
}

import type { Json } from './state.ts'

/**
 * How Slack fails a call. `before`: nothing happened; `after`: the call took effect but the answer is lost.
 * - `rate_limited`: 429 with Retry-After (`retryAfter` seconds, default 1); `rate_limited_bare`: without the header
 * - `error`: 200 with `ok: false` and the named `error`
 * - `http_500_before`, `http_500_after`: a 500 whose body isn't JSON
 * - `reset_before`, `reset_after`: the connection breaks
 * - `delay`: waits `ms`, then performs the call; `delay_answer`: performs it at once and answers after `ms`
 * - `hang`, `hang_after`: never answers
 * - `cut_body`: the call took effect, but the answer breaks off in the middle
 */
export type FaultKind =
  | 'rate_limited'
  | 'rate_limited_bare'
  | 'error'
  | 'http_500_before'
  | 'http_500_after'
  | 'reset_before'
  | 'reset_after'
  | 'delay'
  | 'delay_answer'
  | 'hang'
  | 'hang_after'
  | 'cut_body'

export type Fault = {
  kind: FaultKind
  /** A Web API method, or `response_url`. Default: every call. */
  method?: string
  /** Limits the fault to calls whose arguments match. */
  when?: (args: Json) => boolean
  /** How many calls fail; default 1, `Infinity` until cleared. */
  times?: number
  error?: string
  retryAfter?: number
  ms?: number
}

export type ArmedFault = { readonly remaining: number; clear(): void }

export function createFaults() {
  const armed: (Fault & { left: number })[] = []
  return {
    add(fault: Fault): ArmedFault {
      const one = { ...fault, left: fault.times ?? 1 }
      armed.push(one)
      return {
        get remaining() {
          return one.left
        },
        clear: () => {
          one.left = 0
        },
      }
    },
    /** Takes the fault for this call, oldest first, and uses it once. */
    take(method: string, args: Json): Fault | undefined {
      const found = armed.find(
        (one) => one.left > 0 && (one.method ?? method) === method && (one.when === undefined || one.when(args)),
      )
      if (found) found.left -= 1
      return found
    },
    clear(): void {
      armed.length = 0
    },
  }
}

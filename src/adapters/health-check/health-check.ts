import type { Health, HealthCheck } from '../../release/ports/health-check.ts'

const ANSWERS_WITHIN_MS = 10_000

/** Asks by HTTP. Neither the address nor the answer's body gets into messages: they may contain secrets. */
export function createHealthCheck({ timeoutMs = ANSWERS_WITHIN_MS }: { timeoutMs?: number } = {}): HealthCheck {
  return {
    async ask(url, signal): Promise<Health> {
      const limit = AbortSignal.timeout(timeoutMs)
      const started = performance.now()
      try {
        const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.any([signal, limit]) })
        await answer.body?.cancel()
        const { status } = answer
        const ms = Math.round(performance.now() - started)
        return answer.ok ? { isHealthy: true, status, ms } : { isHealthy: false, detail: `it answered ${status}` }
      } catch {
        const detail = limit.aborted ? `no answer within ${timeoutMs / 1000} s` : 'the connection failed'
        return { isHealthy: false, detail }
      }
    },
  }
}

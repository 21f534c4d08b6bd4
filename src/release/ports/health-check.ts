/** A deployed app's own health check. */

export type Health =
  | { readonly isHealthy: true; readonly status: number; readonly ms: number }
  /** `detail`: the status, or why there was no answer; one line. */
  | { readonly isHealthy: false; readonly detail: string }

export interface HealthCheck {
  /** Asks once, without credentials and without following a redirect. Healthy: 2xx. Safe to repeat. */
  ask(url: string, signal: AbortSignal): Promise<Health>
}

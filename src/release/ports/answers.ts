/** The answers of external services, the same for every port. */

/**
 * A service's error. `unreachable`: no answer, so the request may or may not have had its effect. `refused`: it rejected
 * our credentials. `wrong`: any other unusable answer. `detail` is scrubbed, one line. `hadNoEffect`: it said that it
 * did nothing, so that the same request is safe to repeat.
 */
export type ServiceError = {
  readonly failure: 'unreachable' | 'refused' | 'wrong'
  readonly detail: string
  readonly hadNoEffect?: true
  /** The credentials were read: what was asked about is not there, or they don't see it. */
  readonly denied?: 'not found' | 'no access'
}

export type Answer<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & ServiceError)

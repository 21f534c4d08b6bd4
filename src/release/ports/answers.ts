/** What the outside said, as every port says it. */

/**
 * What the outside said. `unreachable`: no answer, the request may or may not have had its effect. `refused`: the
 * service said no to our credentials. `wrong`: any other answer that we can't use; `detail` is scrubbed, one line.
 */
export type ServiceError = { readonly failure: 'unreachable' | 'refused' | 'wrong'; readonly detail: string }

export type Answer<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & ServiceError)

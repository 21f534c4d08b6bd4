type Simplify<T> = { [K in keyof T]: T[K] }

/** What `defined` gives: a key whose value may be undefined is optional, and without undefined. */
export type Defined<T> = Simplify<
  { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
    [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
  }
>

/**
 * The object without the keys whose value is undefined, for objects whose optional keys may be absent and not undefined.
 * Other values are kept, null, false, 0 and '' too.
 */
export function defined<const T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>
}

type Simplify<T> = { [K in keyof T]: T[K] }

/** The result type of `defined`: a key whose value may be undefined becomes optional and loses undefined. */
export type Defined<T> = Simplify<
  { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
    [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
  }
>

/**
 * Returns the object without the keys whose value is undefined, since optional keys must be absent and not undefined.
 * Keeps all other values, null, false, 0 and '' too.
 */
export function defined<const T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>
}

/** What a button acts on where it isn't one release. Its token stands for it; the names are stored. */

export type Subject =
  | { readonly is: 'environment'; readonly app: string; readonly environment: string }
  /** Every environment. */
  | { readonly is: 'all' }
  | { readonly is: 'lock'; readonly id: number }

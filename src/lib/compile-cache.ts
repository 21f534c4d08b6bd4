import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'

/**
 * The environment in which a thread or a process of ours finds what this one has compiled: empty where Node keeps nothing.
 * To compile the same files again is half of what its start costs.
 */
export function compileCacheVariables(): Readonly<Record<string, string>> {
  const ofThisNode = getCompileCacheDir()
  return ofThisNode === undefined ? {} : { NODE_COMPILE_CACHE: dirname(ofThisNode) }
}

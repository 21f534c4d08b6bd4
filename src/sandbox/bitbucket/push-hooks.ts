import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BitbucketEvent } from './state.ts'

// `restricted`, beside the hook, has one pattern per line for branches that nobody can push to. `moved` logs pushes.
const UPDATE_HOOK = `#!/bin/sh
branch="\${1#refs/heads/}"
[ -e hooks/restricted ] || exit 0
while read -r pattern; do
  case "$branch" in
    $pattern) echo "You can't push to $branch: it is restricted by branch permissions."; exit 1 ;;
  esac
done < hooks/restricted
exit 0
`

const POST_RECEIVE_HOOK = `#!/bin/sh
time=$(date -u +%Y-%m-%dT%H:%M:%S.%3N000+00:00)
while read -r from to ref; do echo "$time $from $to $ref"; done >> hooks/moved
`

/** Installs the hooks that refuse pushes to restricted branches and log all others. Safe to repeat. */
export async function installPushHooks(bare: string): Promise<void> {
  await mkdir(join(bare, 'hooks'), { recursive: true })
  for (const [name, text] of [
    ['update', UPDATE_HOOK],
    ['post-receive', POST_RECEIVE_HOOK],
  ] as const) {
    await writeFile(join(bare, 'hooks', name), text)
    await chmod(join(bare, 'hooks', name), 0o755)
  }
}

/** Refuses pushes to branches that match one of these patterns; replaces earlier patterns. */
export async function restrictPushes(bare: string, patterns: readonly string[]): Promise<void> {
  await writeFile(join(bare, 'hooks', 'restricted'), patterns.map((pattern) => `${pattern}\n`).join(''))
}

/** The branches that pushes over git have moved, oldest first. */
export async function pushedRefs(bare: string): Promise<BitbucketEvent[]> {
  const moved = await readFile(join(bare, 'hooks', 'moved'), 'utf8').catch(() => '')
  return moved.split('\n').flatMap((line): BitbucketEvent[] => {
    const [at = '', from = '', to = '', ref = ''] = line.split(' ')
    return line === '' ? [] : [{ at, kind: 'ref pushed', ref, from, to }]
  })
}

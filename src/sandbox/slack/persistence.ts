import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Remembered, State } from './state.ts'

export type Tokens = { botToken: string; appToken: string; signingSecret: string }

// Cards change several times a second during a release, so saves are combined.
const SAVE_AFTER_MS = 40

/**
 * Persists a workspace in a file: restores its state and tokens, and saves shortly after each change. Without a file, only
 * creates tokens.
 */
export function keepState(state: State, file: string | undefined): { tokens: Tokens; close(): void } {
  const before = file === undefined ? undefined : readKept(file)
  const tokens = before?.tokens ?? newTokens(state.identity.appId)
  if (file === undefined) return { tokens, close() {} }
  const kept = file
  if (before !== undefined) state.recall(before.remembered)

  let saving: NodeJS.Timeout | undefined
  function save(): void {
    clearTimeout(saving)
    saving = undefined
    // Atomic: a kill during the write leaves the previous file.
    writeFileSync(`${kept}.part`, JSON.stringify({ tokens, remembered: state.remembered() }), { mode: 0o600 })
    renameSync(`${kept}.part`, kept)
  }
  const stop = state.onChange(() => {
    saving ??= setTimeout(save, SAVE_AFTER_MS)
  })
  return {
    tokens,
    close() {
      stop()
      save()
    },
  }
}

function newTokens(appId: string): Tokens {
  const secret = () => randomBytes(16).toString('hex')
  return { botToken: `xoxb-${secret()}`, appToken: `xapp-1-${appId}-${secret()}`, signingSecret: secret() }
}

function readKept(file: string): { tokens: Tokens; remembered: Remembered } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** What people read of a commit's proof on the environment that it is promoted from. */
import type { KnownBlock } from '@slack/types'
import type { Proof } from '../../../release/plan.ts'
import type { Environment } from '../../../release/settings.ts'
import { context, section } from './blocks.ts'
import { counted, defused, short } from './text.ts'

/** A proof as it stands when it is drawn. */
export interface ProofNow extends Pick<Proof, 'on' | 'commit' | 'runs'> {
  /** The release that proves it; absent: none does. */
  readonly by?: number
  /** Releases that did, and are marked as bad. */
  readonly noLonger: readonly number[]
}

/** `Not proven on integration: it runs 1f03ae2, 3 commits behind this`, for mrkdwn and as plain words. */
export function proofWords({ on, by, noLonger, runs }: ProofNow): string {
  const name = defused(on, 60)
  if (by !== undefined) return `Proven on ${name} by #${by}`
  return `Not proven on ${name}: ${noLonger.length > 0 ? badWords(noLonger) : runsWords(runs)}`
}

function badWords(noLonger: readonly number[]): string {
  const [only, ...others] = noLonger.map((number) => `#${number}`)
  return others.length === 0
    ? `${only}, which proved it, is marked as bad`
    : `${[only, ...others.slice(0, -1)].join(', ')} and ${others.at(-1)}, which proved it, are marked as bad`
}

/** `it runs 1f03ae2, 3 commits behind this`. */
export function runsWords(running: Proof['runs'], it = 'it'): string {
  if (running === undefined) return `Signoff does not know what ${it} runs`
  const { commit, behind } = running
  if (commit === null) return `${it} runs nothing`
  const runs = `${it} runs ${short(commit)}`
  if (behind === undefined) return `${runs}, which the repository does not have`
  if (behind === 0) return `${runs}, which no good release of Signoff has proven`
  return `${runs}, ${counted(behind, 'commit')} behind this`
}

/** Whether the release's commit is proven, as a card says it; nothing where nothing is known of it. */
export function proofBlocks({
  proof,
  environment,
}: {
  readonly proof?: ProofNow
  readonly environment: Environment
}): KnownBlock[] {
  if (proof === undefined) return []
  const words = proofWords(proof)
  if (proof.by !== undefined) return [context(`:white_check_mark: ${words}`)]
  if (environment.order !== 'required') return [context(`:warning: ${words}`)]
  const there = `\`/deploy ${defused(`${environment.app} ${proof.on}`, 140)}\``
  return [section([`:no_entry_sign: *${words}*`, `Deploy it there first with ${there}. Until then it can’t start.`])]
}

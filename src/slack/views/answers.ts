/** What a command that names a release is answered with: how the release stands now, which may be further on already. */
import type { Release } from '../../release/release.ts'
import { calledInFull } from './parts/facts.ts'
import { STATE_IN_A_SENTENCE } from './states.ts'

function named(release: Release): string {
  return `${calledInFull(release)} of ${release.app} to ${release.environment}`
}

/** After a cancel was committed. */
export function cancelledText(release: Release): string {
  switch (release.state) {
    case 'cancelled':
      return `${named(release)} is cancelled.`
    case 'running':
      return `${named(release)} is being cancelled: no new step starts, and its thread tells how the one under way ends.`
    case 'needs attention':
      return `${named(release)} does not go on, and needs attention: press Retry or Close on its card.`
    default:
      return `${named(release)} ${STATE_IN_A_SENTENCE[release.state]}: a step was under way when it was cancelled, and ended it like that.`
  }
}

/** After a retry was committed. */
export function retriedText(release: Release): string {
  return `${named(release)} goes on, and looks first at what is there. Its thread tells each step.`
}

/** The answer to a command that names a release: its current state, which may have moved on since the command. */
import type { Release } from '../../release/release.ts'
import { calledInFull } from './parts/facts.ts'
import { subject } from './parts/sentence.ts'
import { STATE_VIEWS } from './state/index.ts'

/** After a cancel was committed. */
export function cancelledText(release: Release): string {
  const { inSentence, afterCancel } = STATE_VIEWS[release.state]
  const ended = `${inSentence}: a step was running at the cancel, and its result ended the release.`
  return `${subject(release)} ${afterCancel ?? ended}`
}

/** After a release was marked. */
export function markedText(release: Release): string {
  const { number, mark } = release
  return mark?.is === 'bad'
    ? `${calledInFull(release)} is marked as bad: no rollback goes back to it. To take that back: /deploy good ${number}.`
    : `${calledInFull(release)} is not marked as bad any more: a rollback may go back to it.`
}

/** After a retry was committed. */
export function retriedText(release: Release): string {
  return `${subject(release)} resumes after checking the current state. Its thread shows each step.`
}

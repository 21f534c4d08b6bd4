/** What a command that names a release is answered with: how the release stands now, which may be further on already. */
import type { Release } from '../../release/release.ts'
import { subject } from './parts/sentence.ts'
import { STATE_VIEWS } from './state/index.ts'

/** After a cancel was committed. */
export function cancelledText(release: Release): string {
  const { inSentence, afterCancel } = STATE_VIEWS[release.state]
  const ended = `${inSentence}: a step was under way when it was cancelled, and ended it like that.`
  return `${subject(release)} ${afterCancel ?? ended}`
}

/** After a retry was committed. */
export function retriedText(release: Release): string {
  return `${subject(release)} goes on, and looks first at what is there. Its thread tells each step.`
}

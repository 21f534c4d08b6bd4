import { hasStartedIrreversible, type Release } from '../../../release/release.ts'

/** What Cancel does between two steps, or before the first. */
export function noStepStarts({ steps }: Release): string {
  return hasStartedIrreversible(steps)
    ? 'No further step starts. What is done stays done.'
    : 'No further step starts. Nothing has been merged, migrated or pushed so far.'
}

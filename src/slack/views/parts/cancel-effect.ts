import { irreversibleBegun, type Release } from '../../../release/release.ts'

/** What Cancel does between two steps, or before the first. */
export function noStepStarts({ steps }: Release): string {
  return irreversibleBegun(steps)
    ? 'No step starts any more. What is done stays as it is.'
    : 'No step starts any more. Nothing has been merged, migrated or pushed so far.'
}

/** What a rollback leaves behind: the bad release, the lock, and a record that is still missing. */
import { type Release, step } from '../../../release/release.ts'
import { code, emoji, type Line } from './blocks.ts'
import type { People } from './people.ts'
import { cut, oneLine } from './text.ts'

/** A sentence a line; empty for a release of another kind. */
export function afterRollback(release: Release, { services }: Pick<People, 'services'>): readonly Line[] {
  const { app, environment, plan, rollback } = release
  if (plan?.rollback === undefined || release.state !== 'succeeded') return []
  const { from } = plan.rollback
  const { notRecorded } = step(release, 'record')?.result ?? {}
  return [
    ...(from === undefined ? [] : [[`#${from.number} was marked as bad: no rollback goes back to it.`]]),
    ...(rollback?.lock === true
      ? [[`${environment} was locked for others. To unlock it: `, code(`/deploy unlock ${app} ${environment}`), '.']]
      : []),
    ...(notRecorded === undefined
      ? []
      : [
          [
            emoji('warning'),
            ` Not recorded at ${services.forge.name} yet: ${cut(oneLine(notRecorded), 160)}. Signoff tries again for 24 h.`,
          ],
        ]),
  ]
}

import { isAutomatic } from '../../release/automatic.ts'
import { changeId, testedBy } from '../../release/changes.ts'
import type { PlannedMigration } from '../../release/planned-migration.ts'
import { isEmergency, type Release, type SignOff } from '../../release/release.ts'
import type { PersonName } from '../../release/terms.ts'
import { plain } from '../plan/pull-request.ts'

/** The line by which this release's record is found again. It has the whole fingerprint, so that no other comment has it. */
export function recordMarker(release: Release): string {
  return `Signoff record of release #${release.number}, plan ${release.fingerprint ?? ''}`
}

const LABELS: Record<SignOff['kind'], string> = {
  qa: 'QA passed by',
  approval: 'Approved by',
  'talked over': 'Discussed with the team by',
  rejection: 'Rejected by',
  emergency: 'Declared an emergency by',
}

/** With the id: two people may have one display name. */
function named({ id, name }: PersonName): string {
  return `${plain(name)} (${plain(id)})`
}

/** `isEach`: QA is asked for each change, and a line for each follows. */
function line({ kind, person, at, note, right }: SignOff, isEach: boolean): string {
  const label = kind === 'qa' && isEach ? 'Tested changes, from then on:' : LABELS[kind]
  const text = `* ${label} ${named(person)} (${right}), ${at.toISOString()}`
  return note === undefined ? text : `${text}: ${plain(note)}`
}

/** The line of a further comment, which has what does not fit into the record's own; unique to it. */
export function partMarker(release: Release, part: number, parts: number): string {
  return `Signoff record of release #${release.number}, part ${part} of ${parts}, plan ${release.fingerprint ?? ''}`
}

/** The checks that had not passed at planning, which an emergency may have waived. */
function badChecks({ plan }: Release): readonly string[] {
  return (plan?.checks ?? [])
    .filter(({ state }) => state !== 'passed')
    .map(({ name, state }) => `* Check at planning: ${plain(name)}: ${state}`)
}

/** How many findings of a migration a shortened record lists. */
const FEW_FINDINGS = 3
const SHORT_MESSAGE = 120

/**
 * The record that the release document requires, in Markdown, a line each: who did QA and who approved, or why it was an
 * emergency. `short`: with few findings of each migration and without their reasons; people's own words stay whole.
 */
export function recordLines(release: Release, { short }: { readonly short: boolean }): readonly string[] {
  const { plan, requester } = release
  return [
    `* ${release.app} ${release.environment}, requested ${isAutomatic(release) ? 'automatically' : `by ${named(requester)}`}, ${release.requestedAt.toISOString()}`,
    ...(release.reason === undefined ? [] : [`* Why it can't wait: ${plain(release.reason)}`]),
    ...release.signOffs
      .filter(({ fingerprint }) => fingerprint === release.fingerprint)
      .map((signOff) => line(signOff, plan?.changes !== undefined)),
    ...changeLines(release, short),
    ...(isEmergency(release) ? badChecks(release) : []),
    ...(plan?.migrations ?? []).flatMap((migration) => migrationLines(migration, short)),
  ]
}

/** Where QA is asked for each change: who has tested it. */
function changeLines(release: Release, short: boolean): readonly string[] {
  return (release.plan?.changes ?? []).map((change) => {
    const { title, pullRequest } = change
    const testers = testedBy(release, change).map(
      ({ person, isOwn, at }) => `${named(person)}${isOwn ? ', its author' : ''}, ${at.toISOString()}`,
    )
    const words = plain(short ? cutTo(title, SHORT_MESSAGE) : title)
    const which = pullRequest === undefined ? changeId(change).slice(0, 12) : `PR #${pullRequest}`
    return `* change ${which} ${words}: ${testers.length === 0 ? 'not tested' : `tested by ${testers.join('; ')}`}`
  })
}

function migrationLines(migration: PlannedMigration, short: boolean): string[] {
  const { revision, message, database, author, findings = [] } = migration
  const risky = findings.filter(({ risk }) => risk !== 'adds')
  const shown = short ? risky.slice(0, FEW_FINDINGS) : risky
  const left = risky.length - shown.length
  const title = short ? cutTo(message, SHORT_MESSAGE) : message
  return [
    `* migration ${revision}${database === undefined ? '' : ` of ${database}`} ${plain(title)}${author === undefined ? '' : `, by ${plain(author)}`}`,
    ...shown.map(({ risk, what, why }) =>
      short ? `    * ${plain(cutTo(what, SHORT_MESSAGE))} (${risk})` : `    * ${plain(what)} (${risk}): ${plain(why)}`,
    ),
    ...(left > 0 ? [`    * and ${left} more findings`] : []),
  ]
}

function cutTo(text: string, most: number): string {
  const characters = [...text]
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`
}

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

function line({ kind, person, at, note, right }: SignOff): string {
  const text = `* ${LABELS[kind]} ${named(person)} (${right}), ${at.toISOString()}`
  return note === undefined ? text : `${text}: ${plain(note)}`
}

/** The checks that had not passed at planning, which an emergency may have waived. */
function badChecks({ plan }: Release): readonly string[] {
  return (plan?.checks ?? [])
    .filter(({ state }) => state !== 'passed')
    .map(({ name, state }) => `* Check at planning: ${plain(name)}: ${state}`)
}

/** The record that the release document requires, in Markdown: who did QA and who approved, or why it was an emergency. */
export function recordText(release: Release): string {
  const { plan, requester } = release
  const migrations = (plan?.migrations ?? []).map(({ revision, message, author, findings = [] }) =>
    [
      `* migration ${revision} ${plain(message)}${author === undefined ? '' : `, by ${plain(author)}`}`,
      ...findings
        .filter(({ risk }) => risk !== 'adds')
        .map(({ risk, what, why }) => `    * ${plain(what)} (${risk}): ${plain(why)}`),
    ].join('\n'),
  )
  return [
    recordMarker(release),
    '',
    `* ${release.app} ${release.environment}, requested by ${named(requester)}, ${release.requestedAt.toISOString()}`,
    ...(release.reason === undefined ? [] : [`* Why it can't wait: ${plain(release.reason)}`]),
    ...release.signOffs.filter(({ fingerprint }) => fingerprint === release.fingerprint).map(line),
    ...(isEmergency(release) ? badChecks(release) : []),
    ...migrations,
  ].join('\n')
}

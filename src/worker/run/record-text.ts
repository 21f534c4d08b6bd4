import { isEmergency, type Release, type SignOff } from '../../release/release.ts'
import { plain } from '../plan/pull-request.ts'

/** How this release's record is found again: it holds the whole fingerprint, so no other comment has it. */
export function recordMarker(release: Release): string {
  return `Signoff record of release #${release.number}, plan ${release.fingerprint ?? ''}`
}

const WORDS: Record<SignOff['kind'], string> = {
  qa: 'QA passed, said',
  approval: 'Approved by',
  'talked over': 'Talked over, said',
  rejection: 'Rejected by',
  emergency: 'Must go out now, said',
}

function line({ kind, person, at, note, right }: SignOff): string {
  const said = `* ${WORDS[kind]} ${plain(person.name)} (${right}), ${at.toISOString()}`
  return note === undefined ? said : `${said}: ${plain(note)}`
}

/** What an emergency may have waived: the checks that had not passed when the plan was made. */
function badChecks({ plan }: Release): readonly string[] {
  return (plan?.checks ?? [])
    .filter(({ state }) => state !== 'passed')
    .map(({ name, state }) => `* Check when it was planned: ${plain(name)}: ${state}`)
}

/** The record that the release document asks for: who QA'd, who approved, or why it must go out now. Markdown. */
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
    `* ${release.app} ${release.environment}, asked for by ${plain(requester.name)}, ${release.requestedAt.toISOString()}`,
    ...(release.reason === undefined ? [] : [`* Why it can't wait: ${plain(release.reason)}`]),
    ...release.signOffs.filter(({ fingerprint }) => fingerprint === release.fingerprint).map(line),
    ...(isEmergency(release) ? badChecks(release) : []),
    ...migrations,
  ].join('\n')
}

/** One release's evidence as Markdown that a person can read: the same facts as in the bundle. */
import { canonicalJson } from '../../lib/canonical-json.ts'
import { address, block, code, codes, list, plain, table } from '../../lib/markdown.ts'
import type { PlannedMigration } from '../../release/plan.ts'
import type { Evidence } from './evidence.ts'

/** All parts of the evidence, in the order in which they came to be. */
export function evidenceMarkdown(evidence: Evidence): string {
  const { release } = evidence
  const parts = [asked, people, signed, planned, changed, ran, told, record].map((part) => part(evidence))
  return [
    `# Release #${release.number}: ${plain(release.app)} to ${plain(release.environment)} (${release.kind})`,
    ...parts.map((lines) => lines.join('\n')),
    '',
  ].join('\n\n')
}

function named({ id, name }: { readonly id: string; readonly name?: string }): string {
  return name === undefined ? plain(id) : `${plain(name)} (${plain(id)})`
}

function asked({ release, request, times, end }: Evidence): string[] {
  const by = end?.by === undefined ? '' : ` by ${named(end.by)}`
  return [
    `State: **${release.state}**. Asked for by ${named(request.by)}, ${request.at}.`,
    ...(request.reason === undefined ? [] : ['', `Reason: ${plain(request.reason)}`]),
    ...(request.picks ? ['', `Commits to pick: ${codes(request.picks)}`] : []),
    ...(end ? ['', `Ended: **${end.state}**${by}${end.reason ? `: ${plain(end.reason)}` : ''}`] : []),
    ...(end?.problem ? ['', 'Because:', '', ...block(canonicalJson(end.problem), 'json')] : []),
    '',
    ...list(
      Object.entries(times).map(([moment, at]) => `${moment}: ${at}`),
      '',
    ),
  ]
}

function people({ people }: Evidence): string[] {
  const rows = people.flatMap((person) =>
    person.did.map(({ event, at, what, right }) => [
      named(person),
      plain(what),
      right === undefined ? 'not recorded' : plain(right),
      at,
      String(event),
    ]),
  )
  return ['## People', '', ...table(['who', 'what', 'by the right of', 'at', 'event'], rows, 'None.')]
}

function signed({ signOffs }: Evidence): string[] {
  const said = signOffs.map(({ kind, person, right, at, note, fingerprint }) => {
    const words = `${kind}: ${named(person)}, right from ${plain(right)}, ${at.toISOString()}, on ${code(fingerprint)}`
    return note === undefined ? words : `${words}: ${plain(note)}`
  })
  return ['## Sign-offs', '', ...list(said, 'None.')]
}

/** A commit that is not there is null. */
function branch({ branch, commit }: { readonly branch: string; readonly commit: string | null }): string {
  return `branch ${code(branch)}, ${commit === null ? 'no commit' : code(commit)}`
}

function planned({ plan, fingerprint }: Evidence): string[] {
  if (plan === undefined) return ['## Plan', '', 'None was made.']
  const { result, remote, source, target, database, configuration } = plan.bound
  const commits = plan.commits.map(({ sha, title, author }) => `${code(sha)} ${plain(title)} (${plain(author.name)})`)
  const checks = plan.checks.map(({ name, state, url }) => [plain(name), state, address(url)])
  return [
    '## Plan',
    '',
    ...list(
      [
        `Fingerprint: ${code(fingerprint ?? 'none')}`,
        `Source: ${branch(source)}`,
        `Target: ${branch(target)}`,
        result.how === 'merge'
          ? `Result: merge of ${result.parents.map(code).join(' and ')}, tree ${code(result.tree)}`
          : `Result: commit ${code(result.commit)}, tree ${code(result.tree)}`,
        `Remote: ${address(remote.url)}, branch ${code(remote.branch)}, which held ${remote.holds === null ? 'nothing' : code(remote.holds)} and ran ${remote.runs === null ? 'nothing' : code(remote.runs)}`,
        database === null
          ? 'Database: none'
          : `Database: ${code(database.identity)} at ${codes(database.revisions)}, pending ${codes(database.pending)}, migrations in tree ${code(database.migrationsTree)}`,
        `Configuration: ${code(configuration)}`,
      ],
      '',
    ),
    '',
    'What was bound; the SHA-256 of this text is the fingerprint:',
    '',
    ...block(canonicalJson(plan.bound), 'json'),
    '',
    '### Build checks, when it was planned',
    '',
    ...table(['check', 'state', 'where'], checks, 'None has reported.'),
    ...(plan.warnings.length === 0 ? [] : ['', '### Warnings', '', ...list(plan.warnings.map(plain), '')]),
    '',
    `### Commits: ${plan.commitCount}`,
    '',
    ...list(commits, 'None.'),
  ]
}

function changed({ plan }: Evidence): string[] {
  return ['## Migrations', '', ...(plan?.migrations.length ? plan.migrations.flatMap(migration) : ['None.'])]
}

function migration(planned: PlannedMigration, position: number): string[] {
  const { revision, message, file, author, risk, findings = [], findingCount, sql, sqlLeftOut, commits } = planned
  const risks = findings.map((found) => {
    const more = [found.why, ...(found.instead === undefined ? [] : [`Instead: ${found.instead}`])]
    const breaks = found.breaksOldCode ? ' The code that runs before it may break.' : ''
    return `**${found.risk}**: ${plain(found.what)}. ${plain(more.join(' '))}${breaks}`
  })
  const left = (findingCount ?? findings.length) - findings.length
  return [
    ...(position === 0 ? [] : ['']),
    `### ${plain(revision)}: ${plain(message)}`,
    '',
    `File ${code(file)}${author === undefined ? '' : `, by ${plain(author)}`}. Risk: ${risk ?? 'none found'}.${commits ? ' It commits in its middle.' : ''}`,
    '',
    ...list(risks, 'No findings.'),
    ...(left > 0 ? [`- and ${left} more`] : []),
    '',
    ...(sql === undefined ? ['Its SQL could not be previewed.'] : block(sql.join('\n'), 'sql')),
    ...(sqlLeftOut ? ['', `${sqlLeftOut} statements more are not kept, for their length.`] : []),
  ]
}

function ran({ pullRequest, comment, picked, migrations, push, proof, steps }: Evidence): string[] {
  const commit = (sha: string | undefined, words: string) => (sha === undefined ? '' : `${words} ${code(sha)}`)
  const facts = [
    ...(pullRequest
      ? [`Pull request ${pullRequest.id}: ${address(pullRequest.url)}${commit(pullRequest.merged, ', merged as')}`]
      : []),
    ...(comment === undefined ? [] : [`Sign-offs recorded: ${address(comment)}`]),
    ...(picked ? [`Picked ${codes(picked.from)}${commit(picked.commit, ', as')}`] : []),
    ...(migrations
      ? [
          `Database ${code(migrations.database)}: from ${codes(migrations.before)}${migrations.after ? ` to ${codes(migrations.after)}` : ''}, pending were ${codes(migrations.pending)}`,
        ]
      : []),
    ...(push
      ? [
          `Push to ${address(push.url)}, branch ${code(push.branch)}: ${push.state}, from ${push.from === null ? 'nothing' : code(push.from)}${commit(push.commit, ' to')}${push.at ? `, ${push.at}` : ''}`,
        ]
      : []),
    ...(proof
      ? [
          `Proof: ${plain(proof.said ?? '')}${commit(proof.commit, ', commit')}${proof.platformRelease ? `, release ${code(proof.platformRelease)}` : ''}${proof.at ? `, ${proof.at}` : ''}`,
        ]
      : []),
  ]
  const walked = steps.map(({ name, state, effect, attempt, startedAt, endedAt, result }) => {
    const when = [startedAt, endedAt].map((moment) => moment?.toISOString() ?? '?').join(' to ')
    const said = result?.said === undefined ? '' : `. ${plain(result.said)}`
    return `${name}: ${state} (effect ${effect}, attempt ${attempt}), ${when}${said}`
  })
  return ['## Run', '', ...list(facts, 'Nothing was done.'), '', '### Steps', '', ...list(walked, 'No step was taken.')]
}

function told({ messages }: Evidence): string[] {
  return [
    '## Messages in Slack',
    '',
    ...list(
      messages.map(({ kind, at, link }) => `${kind}, ${at}: ${address(link)}`),
      'None.',
    ),
  ]
}

function record({ chain: { found, events } }: Evidence): string[] {
  const rows = events.map(({ id, event }) => [String(id), event.at, plain(event.type), plain(event.actor)])
  return [
    '## Record',
    '',
    found.ok
      ? `The chain of ${found.count} events is as it was written; its head is ${code(found.head)}.`
      : `**The chain is not as it was written**: ${plain(found.why)}.`,
    '',
    ...table(['event', 'at', 'what', 'who'], rows, 'None.'),
    '',
    "What each event says. Its hash is the SHA-256 of the previous one's 64 digits and the text below, without a break between them.",
    ...events.flatMap(({ id, body, hash, previousHash }) => [
      '',
      `### Event ${id}`,
      '',
      `- previous hash: ${code(previousHash)}`,
      `- hash: ${code(hash)}`,
      '',
      ...block(body, 'json'),
    ]),
  ]
}

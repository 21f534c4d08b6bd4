/** Formats one release's evidence as Markdown. It contains the same facts as the JSON bundle. */
import { canonicalJson } from '../../lib/canonical-json.ts'
import { address, block, code, codes, list, plain, table } from '../../lib/markdown.ts'
import type { BoundDatabase, PlannedMigration } from '../../release/plan.ts'
import type { Evidence } from './evidence.ts'

/** Returns all parts of the evidence in chronological order. */
export function evidenceMarkdown(evidence: Evidence): string {
  const { release } = evidence
  const parts = [
    requestSection,
    peopleSection,
    signOffSection,
    planSection,
    migrationSection,
    runSection,
    messageSection,
    recordSection,
  ].map((section) => section(evidence))
  return [
    `# Release #${release.number}: ${plain(release.app)} to ${plain(release.environment)} (${release.kind})`,
    ...parts.map((lines) => lines.join('\n')),
    '',
  ].join('\n\n')
}

function personName({ id, name }: { readonly id: string; readonly name?: string }): string {
  return name === undefined ? plain(id) : `${plain(name)} (${plain(id)})`
}

function requestSection({ release, request, times, end }: Evidence): string[] {
  const by = end?.by === undefined ? '' : ` by ${personName(end.by)}`
  return [
    `State: **${release.state}**. Requested by ${personName(request.by)}, ${request.at}.`,
    ...(request.reason === undefined ? [] : ['', `Reason: ${plain(request.reason)}`]),
    ...(request.picks ? ['', `Commits to pick: ${codes(request.picks)}`] : []),
    ...(end ? ['', `Ended: **${end.state}**${by}${end.reason ? `: ${plain(end.reason)}` : ''}`] : []),
    ...(end?.problem ? ['', 'Problem:', '', ...block(canonicalJson(end.problem), 'json')] : []),
    '',
    ...list(
      Object.entries(times).map(([moment, at]) => `${moment}: ${at}`),
      '',
    ),
  ]
}

function peopleSection({ people }: Evidence): string[] {
  const rows = people.flatMap((person) =>
    person.did.map(({ event, at, what, right }) => [
      personName(person),
      plain(what),
      right === undefined ? 'not recorded' : plain(right),
      at,
      String(event),
    ]),
  )
  return ['## People', '', ...table(['who', 'what', 'permission from', 'at', 'event'], rows, 'None.')]
}

function signOffSection({ signOffs }: Evidence): string[] {
  const lines = signOffs.map(({ kind, person, right, at, note, fingerprint }) => {
    const line = `${kind}: ${personName(person)}, permission from ${plain(right)}, ${at.toISOString()}, on ${code(fingerprint)}`
    return note === undefined ? line : `${line}: ${plain(note)}`
  })
  return ['## Sign-offs', '', ...list(lines, 'None.')]
}

/** `commit` is null when the branch does not exist. */
function branch({ branch, commit }: { readonly branch: string; readonly commit: string | null }): string {
  return `branch ${code(branch)}, ${commit === null ? 'no commit' : code(commit)}`
}

function planSection({ plan, fingerprint }: Evidence): string[] {
  if (plan === undefined) return ['## Plan', '', 'No plan was made.']
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
          : `Result: ${result.how === 'fast-forward' ? 'fast-forward to ' : ''}commit ${code(result.commit)}, tree ${code(result.tree)}`,
        `Remote: ${address(remote.url)}, branch ${code(remote.branch)} at ${remote.holds === null ? 'no commit' : code(remote.holds)}, running ${remote.runs !== null ? code(remote.runs) : plan.runsUnknown ? 'a commit that is not known' : 'nothing'}`,
        ...(database === null ? ['Database: none'] : [database].flat().map(boundDatabase)),
        `Configuration: ${code(configuration)}`,
      ],
      '',
    ),
    '',
    'The facts that sign-offs cover. The SHA-256 of this text is the fingerprint:',
    '',
    ...block(canonicalJson(plan.bound), 'json'),
    '',
    '### Build checks at planning',
    '',
    ...table(['check', 'state', 'where'], checks, 'No check reported.'),
    ...(plan.warnings.length === 0 ? [] : ['', '### Warnings', '', ...list(plan.warnings.map(plain), '')]),
    '',
    `### Commits: ${plan.commitCount}`,
    '',
    ...list(commits, 'None.'),
  ]
}

const named = (name: string | undefined) => (name === undefined ? '' : `${plain(name)}, `)

function boundDatabase({ name, identity, revisions, pending, migrationsTree }: BoundDatabase): string {
  return `Database: ${named(name)}${code(identity)} at ${codes(revisions)}, pending ${codes(pending)}, migrations tree ${code(migrationsTree)}`
}

function migrationSection({ plan }: Evidence): string[] {
  return ['## Migrations', '', ...(plan?.migrations.length ? plan.migrations.flatMap(migration) : ['None.'])]
}

function migration(planned: PlannedMigration, position: number): string[] {
  const {
    revision,
    message,
    database,
    file,
    author,
    risk,
    findings = [],
    findingCount,
    sql,
    sqlLeftOut,
    commits,
  } = planned
  const risks = findings.map((found) => {
    const more = [found.why, ...(found.instead === undefined ? [] : [`Instead: ${found.instead}`])]
    const breaks = found.breaksOldCode ? ' The old code may break.' : ''
    return `**${found.risk}**: ${plain(found.what)}. ${plain(more.join(' '))}${breaks}`
  })
  const left = (findingCount ?? findings.length) - findings.length
  return [
    ...(position === 0 ? [] : ['']),
    `### ${plain(revision)}: ${plain(message)}`,
    '',
    `File ${code(file)}${database === undefined ? '' : `, database ${plain(database)}`}${author === undefined ? '' : `, by ${plain(author)}`}. Risk: ${risk ?? 'none found'}.${commits ? ' It commits midway.' : ''}`,
    '',
    ...list(risks, 'No findings.'),
    ...(left > 0 ? [`- ${left} more`] : []),
    '',
    ...(sql === undefined ? ["Can't preview its SQL."] : block(sql.join('\n'), 'sql')),
    ...(sqlLeftOut
      ? [
          '',
          `${sqlLeftOut} more ${sqlLeftOut === 1 ? 'statement is' : 'statements are'} not kept, because of their length.`,
        ]
      : []),
  ]
}

function runSection({ pullRequest, comment, picked, migrations, push, proof, steps }: Evidence): string[] {
  const commit = (sha: string | undefined, label: string) => (sha === undefined ? '' : `${label} ${code(sha)}`)
  const facts = [
    ...(pullRequest
      ? [`Pull request ${pullRequest.id}: ${address(pullRequest.url)}${commit(pullRequest.merged, ', merged as')}`]
      : []),
    ...(comment === undefined ? [] : [`Sign-offs recorded: ${address(comment)}`]),
    ...(picked ? [`Picked ${codes(picked.from)}${commit(picked.commit, ', as')}`] : []),
    ...[migrations ?? []].flat().map(({ name, database, before, after, pending }) => {
      const moved = `from ${codes(before)}${after ? ` to ${codes(after)}` : ''}, pending ${codes(pending)}`
      return `Database ${named(name)}${code(database)}: ${moved}`
    }),
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
  const stepLines = steps.map(({ name, state, effect, attempt, startedAt, endedAt, result }) => {
    const when = [startedAt, endedAt].map((moment) => moment?.toISOString() ?? '?').join(' to ')
    const summary = result?.said === undefined ? '' : `. ${plain(result.said)}`
    return `${name}: ${state} (effect ${effect}, attempt ${attempt}), ${when}${summary}`
  })
  return ['## Run', '', ...list(facts, 'Nothing was done.'), '', '### Steps', '', ...list(stepLines, 'No step ran.')]
}

function messageSection({ messages }: Evidence): string[] {
  return [
    '## Messages in Slack',
    '',
    ...list(
      messages.map(({ kind, at, link }) => `${kind}, ${at}: ${address(link)}`),
      'None.',
    ),
  ]
}

function recordSection({ chain: { found, events } }: Evidence): string[] {
  const rows = events.map(({ id, event }) => [String(id), event.at, plain(event.type), plain(event.actor)])
  return [
    '## Record',
    '',
    found.ok
      ? `The chain of ${found.count} events is verified. Its head is ${code(found.head)}.`
      : `**The chain fails verification**: ${plain(found.why)}.`,
    '',
    ...table(['event', 'at', 'what', 'who'], rows, 'None.'),
    '',
    'The text of each event. Its hash is the SHA-256 of the 64 digits of the previous hash, directly followed by the text.',
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

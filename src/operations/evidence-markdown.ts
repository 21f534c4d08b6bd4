/** One release's evidence as Markdown that a person can read. */
import type { Evidence } from './evidence.ts'

/** Text of people's on one line of Markdown, read as words only. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]()#+!|<>~-]/g, '\\$&')
}

function list(lines: readonly string[], none: string): string[] {
  return lines.length === 0 ? [none] : lines.map((line) => `- ${line}`)
}

function codes(words: readonly string[]): string {
  return words.length === 0 ? 'none' : words.map((word) => `\`${word}\``).join(', ')
}

/** All parts of the evidence, in the order in which they came to be. */
export function evidenceMarkdown(evidence: Evidence): string {
  const { release } = evidence
  const parts = [asked(evidence), signed(evidence), planned(evidence), ran(evidence), told(evidence), record(evidence)]
  return [
    `# Release #${release.number}: ${release.app} to ${release.environment} (${release.kind})`,
    ...parts.map((lines) => lines.join('\n')),
    '',
  ].join('\n\n')
}

function asked({ release, request, times, end }: Evidence): string[] {
  const by = end?.by === undefined ? '' : ` by ${plain(end.by.name)} (${end.by.id})`
  return [
    `State: **${release.state}**. Asked for by ${plain(request.by.name)} (${request.by.id}), ${request.at}.`,
    ...(request.reason === undefined ? [] : ['', `Reason: ${plain(request.reason)}`]),
    ...(request.picks ? ['', `Commits to pick: ${codes(request.picks)}`] : []),
    ...(end ? ['', `Ended: **${end.state}**${by}${end.reason ? `: ${plain(end.reason)}` : ''}`] : []),
    ...(end?.problem ? ['', `Because: \`${JSON.stringify(end.problem).replaceAll('`', "'")}\``] : []),
    '',
    ...list(
      Object.entries(times).map(([moment, at]) => `${moment}: ${at}`),
      '',
    ),
  ]
}

function signed({ signOffs }: Evidence): string[] {
  const said = signOffs.map(({ kind, person, right, at, note, fingerprint }) => {
    const words = `${kind}: ${plain(person.name)} (${person.id}), right from ${plain(right)}, ${at.toISOString()}, on \`${fingerprint}\``
    return note === undefined ? words : `${words}: ${plain(note)}`
  })
  return ['## Sign-offs', '', ...list(said, 'None.')]
}

function planned({ plan, fingerprint }: Evidence): string[] {
  if (plan === undefined) return ['## Plan', '', 'None was made.']
  const { result, remote } = plan.bound
  const commits = plan.commits.map(({ sha, title, author }) => `\`${sha}\` ${plain(title)} (${plain(author.name)})`)
  const migrations = plan.migrations.map(
    ({ revision, message, file }) => `\`${revision}\` ${plain(message)}, \`${file}\``,
  )
  return [
    '## Plan',
    '',
    `Fingerprint: \`${fingerprint ?? 'none'}\``,
    '',
    result.how === 'merge'
      ? `Merge of \`${result.parents[0]}\` and \`${result.parents[1]}\`, tree \`${result.tree}\``
      : `Commit \`${result.commit}\`, tree \`${result.tree}\``,
    '',
    `Remote: ${remote.url}, branch \`${remote.branch}\`, which held ${codes(remote.holds === null ? [] : [remote.holds])}`,
    '',
    `### ${plan.commitCount} commits`,
    '',
    ...list(commits, 'None.'),
    '',
    '### Migrations',
    '',
    ...list(migrations, 'None.'),
  ]
}

function ran({ pullRequest, comment, picked, migrations, push, proof, steps }: Evidence): string[] {
  const facts = [
    ...(pullRequest
      ? [`Pull request: ${pullRequest.url}${pullRequest.merged ? `, merged as \`${pullRequest.merged}\`` : ''}`]
      : []),
    ...(comment === undefined ? [] : [`Sign-offs recorded: ${comment}`]),
    ...(picked ? [`Picked ${codes(picked.from)}${picked.commit ? `, as \`${picked.commit}\`` : ''}`] : []),
    ...(migrations
      ? [
          `Database ${migrations.database}: from ${codes(migrations.before)}${migrations.after ? ` to ${codes(migrations.after)}` : ''}`,
        ]
      : []),
    ...(push ? [`Push to ${push.url}: ${push.state}${push.commit ? `, \`${push.commit}\`` : ''}`] : []),
    ...(proof
      ? [`Proof: ${plain(proof.said ?? '')}${proof.platformRelease ? ` (${proof.platformRelease})` : ''}, ${proof.at}`]
      : []),
  ]
  const walked = steps.map(({ name, state, effect, startedAt, endedAt, result }) => {
    const when = [startedAt, endedAt].map((moment) => moment?.toISOString() ?? '?').join(' to ')
    return `${name}: ${state} (effect ${effect}), ${when}${result?.said === undefined ? '' : `. ${plain(result.said)}`}`
  })
  return ['## Run', '', ...list(facts, 'Nothing was done.'), '', '### Steps', '', ...list(walked, 'No step was taken.')]
}

function told({ messages }: Evidence): string[] {
  return [
    '## Messages in Slack',
    '',
    ...list(
      messages.map(({ kind, at, link }) => `${kind}, ${at}: ${link}`),
      'None.',
    ),
  ]
}

function record({ chain: { found, events } }: Evidence): string[] {
  return [
    '## Record',
    '',
    found.ok
      ? `The chain of ${found.count} events is as it was written; its head is \`${found.head}\`.`
      : `**The chain is not as it was written**: ${found.why}.`,
    '',
    '| event | at | what | who | hash |',
    '| --- | --- | --- | --- | --- |',
    ...events.map(
      ({ id, hash, event }) => `| ${id} | ${event.at} | ${event.type} | ${plain(event.actor)} | \`${hash}\` |`,
    ),
  ]
}

/** One release's evidence for an auditor: a JSON bundle, and the same as Markdown that a person can read. */
import type { StoredEvent } from '../release/ports.ts'
import type { PostedMessage, Release, SignOff, StepRow } from '../release/release.ts'
import type { ChainFinding } from './audit.ts'

export interface Evidence {
  readonly release: Pick<Release, 'number' | 'app' | 'environment' | 'kind' | 'state'>
  readonly request: {
    readonly by: Release['requester']
    readonly at: string
    readonly reason?: string
    readonly picks?: readonly string[]
  }
  readonly plan?: Release['plan']
  readonly fingerprint?: string
  readonly signOffs: readonly SignOff[]
  readonly steps: readonly StepRow[]
  readonly times: Readonly<Record<string, string>>
  readonly announcement?: PostedMessage & { readonly link: string }
  readonly card?: PostedMessage & { readonly link: string }
  readonly end?: {
    readonly state: Release['state']
    readonly by?: Release['endedBy']
    readonly reason?: string
    readonly problem?: Release['problem']
  }
  readonly events: readonly StoredEvent[]
  /** Whether the whole chain, in which these events stand, is as it was written. */
  readonly chain: ChainFinding
}

/** Slack's own way to a message, which opens in the reader's workspace. */
function link({ channel, ts }: PostedMessage): string {
  return `https://slack.com/archives/${channel}/p${ts.replace('.', '')}`
}

const MOMENTS = ['requestedAt', 'plannedAt', 'cardPostedAt', 'approvedAt', 'startedAt', 'endedAt', 'expiresAt'] as const

/** Gathers the evidence of a release; all that is known of it, and no secret, since none is stored. */
export function evidenceOf(release: Release, events: readonly StoredEvent[], chain: ChainFinding): Evidence {
  const { number, app, environment, kind, state, card, announcement, plan, fingerprint, problem, endedBy, endReason } =
    release
  return {
    release: { number, app, environment, kind, state },
    request: {
      by: release.requester,
      at: release.requestedAt.toISOString(),
      ...(release.reason !== undefined && { reason: release.reason }),
      ...(release.picks && { picks: release.picks }),
    },
    ...(plan && { plan }),
    ...(fingerprint !== undefined && { fingerprint }),
    signOffs: release.signOffs,
    steps: release.steps,
    times: Object.fromEntries(
      MOMENTS.flatMap((moment) => (release[moment] ? [[moment, release[moment].toISOString()]] : [])),
    ),
    ...(announcement && { announcement: { ...announcement, link: link(announcement) } }),
    ...(card && { card: { ...card, link: link(card) } }),
    ...(release.endedAt && {
      end: {
        state,
        ...(endedBy && { by: endedBy }),
        ...(endReason !== undefined && { reason: endReason }),
        ...(problem && { problem }),
      },
    }),
    events,
    chain,
  }
}

/** Text of people's on one line of Markdown, read as words only. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]()#+!|<>~-]/g, '\\$&')
}

function list(lines: readonly string[], none: string): string[] {
  return lines.length === 0 ? [none] : lines.map((line) => `- ${line}`)
}

/** The evidence as Markdown. */
export function evidenceMarkdown(evidence: Evidence): string {
  const { release, request, plan, signOffs, steps, events, chain, end, announcement } = evidence
  const result = plan?.bound.result
  const commits = (plan?.commits ?? []).map(
    ({ sha, title, author }) => `\`${sha}\` ${plain(title)} (${plain(author.name)})`,
  )
  const migrations = (plan?.migrations ?? []).map(
    ({ revision, message, file }) => `\`${revision}\` ${plain(message)}, \`${file}\``,
  )
  return [
    `# Release #${release.number}: ${release.app} to ${release.environment} (${release.kind})`,
    '',
    `State: **${release.state}**. Asked for by ${plain(request.by.name)} (${request.by.id}), ${request.at}.`,
    ...(request.reason === undefined ? [] : ['', `Reason: ${plain(request.reason)}`]),
    '',
    '## Sign-offs',
    ...list(
      signOffs.map(({ kind, person, right, at, note, fingerprint }) => {
        const said = `${kind}: ${plain(person.name)} (${person.id}), right from ${plain(right)}, ${at.toISOString()}, on \`${fingerprint}\``
        return note === undefined ? said : `${said}: ${plain(note)}`
      }),
      'None.',
    ),
    '',
    '## Plan',
    `Fingerprint: \`${evidence.fingerprint ?? 'none'}\``,
    ...(plan?.pullRequest ? [`Pull request: ${plan.pullRequest.url}`] : []),
    ...(result?.how === 'merge'
      ? [`Merge of \`${result.parents[0]}\` and \`${result.parents[1]}\`, tree \`${result.tree}\``]
      : []),
    ...(result?.how === 'commit' ? [`Commit \`${result.commit}\`, tree \`${result.tree}\``] : []),
    '',
    `### ${plan?.commitCount ?? 0} commits`,
    ...list(commits, 'None.'),
    '',
    '### Migrations',
    ...list(migrations, 'None.'),
    '',
    '## Run',
    ...(announcement ? [`Announced: ${announcement.link}`, ''] : []),
    ...list(
      steps.map(({ name, state, startedAt, endedAt, result: made }) => {
        const when = [startedAt, endedAt].map((moment) => moment?.toISOString() ?? '?').join(' to ')
        return `${name}: ${state}, ${when}${made?.said === undefined ? '' : `. ${plain(made.said)}`}`
      }),
      'No step was taken.',
    ),
    ...(end
      ? [
          '',
          `Ended: **${end.state}**${end.by ? ` by ${plain(end.by.name)} (${end.by.id})` : ''}${end.reason ? `: ${plain(end.reason)}` : ''}`,
        ]
      : []),
    '',
    '## Record',
    chain.ok
      ? `The chain of ${chain.count} events is as it was written; its head is \`${chain.head}\`.`
      : `**The chain is not as it was written**: ${chain.why}.`,
    '',
    '| event | at | what | who | hash |',
    '| --- | --- | --- | --- | --- |',
    ...events.map(
      ({ id, at, type, actor, hash: own }) =>
        `| ${id} | ${at.toISOString()} | ${type} | ${plain(actor)} | \`${own}\` |`,
    ),
    '',
  ].join('\n')
}

/** The details of one release's evidence: plan, migrations, run, people, and the record's exact text. */
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { BoundDatabase } from '../../release/plan.ts'
import type { PlannedMigration } from '../../release/planned-migration.ts'
import type { RollbackPlan, ShownRelease } from '../../release/rollback-plan.ts'
import {
  type Block,
  codes,
  counted,
  duration,
  type Fact,
  type Inline,
  type Section,
  utc,
  type Words,
  words,
} from './document.ts'
import { eventWords } from './event-words.ts'
import type { Evidence } from './evidence.ts'
import { qaSection } from './evidence-qa.ts'

export function detailSections(evidence: Evidence): readonly Section[] {
  const asked = evidence.decisions.changes === undefined ? [] : [qaSection]
  return [planSection, ...asked, migrationSection, runSection, peopleSection, messageSection, recordSection].map(
    (section) => section(evidence),
  )
}

const commitOr = (sha: string | null | undefined, none: string): Inline => (sha ? { code: sha } : none)

function planSection({ plan, request }: Evidence): Section {
  const title = 'Plan'
  const picks: readonly Fact[] = request.picks ? [['Commits to pick', codes(request.picks)]] : []
  if (plan === undefined) {
    return { title, blocks: [...(picks.length > 0 ? [facts(picks)] : []), words('No plan was made.')] }
  }
  const { result, remote, source, target, database, configuration } = plan.bound
  const parents: Words =
    result.how === 'merge'
      ? ['merge of ', ...codes(result.parents)]
      : [`${result.how === 'fast-forward' ? 'fast-forward to ' : ''}commit `, { code: result.commit }]
  const runs = plan.runsUnknown ? 'a commit that is not known' : 'nothing'
  return {
    title,
    blocks: [
      facts([
        ...picks,
        ...(plan.rollback === undefined ? [] : rollbackFacts(plan.rollback)),
        ['Source', ['branch ', { code: source.branch }, ', ', commitOr(source.commit, 'no commit')]],
        ['Target', ['branch ', { code: target.branch }, ', ', commitOr(target.commit, 'no commit')]],
        ['Result', [...parents, ', tree ', { code: result.tree }]],
        [
          'Remote',
          [
            ...[
              { link: remote.url },
              ', branch ',
              { code: remote.branch },
              ' at ',
              commitOr(remote.holds, 'no commit'),
            ],
            ...[', running ', commitOr(remote.runs, runs)],
          ],
        ],
        ...(database === null ? [['Database', ['none']] as const] : [database].flat().flatMap(boundDatabase)),
        ['Configuration', [{ code: configuration }]],
      ]),
      { is: 'heading', text: 'Build checks at planning' },
      {
        is: 'table',
        heads: ['check', 'state', 'where'],
        rows: plan.checks.map(({ name, state, url }) => [[name], [state], [{ link: url }]]),
        none: 'No check reported.',
      },
      ...(plan.warnings.length === 0
        ? []
        : ([
            { is: 'heading', text: 'Warnings' },
            { is: 'list', items: plan.warnings.map((warning) => [warning]), none: '' },
          ] as const)),
      { is: 'heading', text: `Commits: ${plan.commitCount}` },
      {
        is: 'table',
        heads: ['commit', 'title', 'author'],
        rows: plan.commits.map(({ sha, title, author }) => [[{ code: sha.slice(0, 12) }], [title], [author.name]]),
        none: 'None.',
      },
    ],
  }
}

function rollbackFacts({ to, from, migrations, unknowns }: RollbackPlan): readonly Fact[] {
  const release = ({ number, commit, requester, at }: ShownRelease): Words => [
    `#${number}, `,
    { code: commit },
    `, requested by ${requester.name} (${requester.id}), ended ${utc(at)}`,
  ]
  return [
    ['Back to', release(to)],
    ['Takes back', from === undefined ? ['not known: no release deployed what ran'] : release(from)],
    ['Migrations since', migrations.length === 0 ? ['none'] : codes(migrations.map(({ revision }) => revision))],
    ...(unknowns.length === 0 ? [] : [['Not known', [JSON.stringify(unknowns)]] as const]),
  ]
}

function boundDatabase({ name, identity, revisions, pending, migrationsTree }: BoundDatabase): readonly Fact[] {
  const of = name === undefined ? '' : ` ${name}`
  return [
    [`Database${of}`, [{ code: identity }, ' at ', ...codes(revisions)]],
    [`Pending${of}`, [...codes(pending), ', migrations tree ', { code: migrationsTree }]],
  ]
}

function facts(shown: readonly Fact[]): Block {
  return { is: 'facts', facts: shown }
}

function migrationSection({ plan }: Evidence): Section {
  const blocks = plan?.migrations.flatMap(migrationBlocks) ?? []
  return { title: 'Migrations', blocks: blocks.length > 0 ? blocks : [words('None.')] }
}

function migrationBlocks(planned: PlannedMigration): readonly Block[] {
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
  const left = (findingCount ?? findings.length) - findings.length
  const found = findings.map((each): Words => {
    const why = [each.why, ...(each.instead === undefined ? [] : [`Instead: ${each.instead}`])].join(' ')
    return [{ strong: each.risk }, `: ${each.what}. ${why}${each.breaksOldCode ? ' The old code may break.' : ''}`]
  })
  return [
    { is: 'heading', text: `${revision}: ${message}` },
    words(
      ...[
        'File ',
        { code: file },
        database === undefined ? '' : `, database ${database}`,
        author === undefined ? '' : `, by ${author}`,
        `. Risk: ${risk ?? 'none found'}.`,
      ],
      commits ? ' It commits midway.' : '',
    ),
    { is: 'list', items: [...found, ...(left > 0 ? [[`${left} more`]] : [])], none: 'No findings.' },
    sql === undefined ? words("Can't preview its SQL.") : { is: 'exact', text: sql.join('\n'), language: 'sql' },
    ...(sqlLeftOut
      ? [words(`${counted(sqlLeftOut, 'more statement is', 'more statements are')} not kept, because of their length.`)]
      : []),
  ]
}

function runSection({ pullRequest, comment, picked, migrations, push, proof, steps, end }: Evidence): Section {
  const commit = (sha: string | undefined, label: string): Words => (sha === undefined ? [] : [label, { code: sha }])
  const done: readonly Fact[] = [
    ...fact('Pull request', pullRequest && [{ link: pullRequest.url }, ...commit(pullRequest.merged, ', merged as ')]),
    ...fact('Sign-offs recorded', comment === undefined ? undefined : [{ link: comment }]),
    ...fact('Picked', picked && [...codes(picked.from), ...commit(picked.commit, ', as ')]),
    ...[migrations ?? []]
      .flat()
      .flatMap(({ name, database, before, after, pending }) =>
        fact(name === undefined ? 'Database' : `Database ${name}`, [
          ...[{ code: database }, ' from ', ...codes(before)],
          ...(after ? [' to ', ...codes(after)] : []),
          ...[', pending ', ...codes(pending)],
        ]),
      ),
    ...fact(
      'Push',
      push && [
        ...[{ link: push.url }, ', branch ', { code: push.branch }, `: ${push.state}, from `],
        ...[commitOr(push.from, 'nothing'), ...commit(push.commit, ' to '), push.at ? `, ${utc(push.at)}` : ''],
      ],
    ),
    ...fact(
      'Proof',
      proof && [
        ...[proof.said ?? '', ...commit(proof.commit, ', commit '), ...commit(proof.platformRelease, ', release ')],
        proof.at ? `, ${utc(proof.at)}` : '',
      ],
    ),
  ]
  const rows = steps.map(({ name, state, effect, attempt, startedAt, endedAt, result }): readonly Words[] => [
    [name],
    [attempt > 1 ? `${state}, attempt ${attempt}` : state],
    [effect],
    [startedAt ? utc(startedAt) : ''],
    [startedAt && endedAt ? duration(endedAt.getTime() - startedAt.getTime()) : ''],
    [result?.said ?? ''],
  ])
  return {
    title: 'Run',
    blocks: [
      done.length > 0 ? facts(done) : words('Nothing was done.'),
      ...(end?.problem
        ? ([
            { is: 'heading', text: 'Why it stopped' },
            { is: 'exact', text: canonicalJson(end.problem), language: 'json' },
          ] as const)
        : []),
      { is: 'heading', text: 'Steps' },
      { is: 'table', heads: ['step', 'state', 'effect', 'started', 'took', 'result'], rows, none: 'No step ran.' },
    ],
  }
}

function fact(label: string, value: Words | undefined): readonly Fact[] {
  return value === undefined ? [] : [[label, value]]
}

function peopleSection({ people }: Evidence): Section {
  const rows = people.flatMap(({ id, name, did }) =>
    did.map(({ event, at, what, right }): readonly Words[] => [
      [name === undefined ? id : `${name} (${id})`],
      [what],
      [right ?? 'not recorded'],
      [utc(at)],
      [String(event)],
    ]),
  )
  const heads = ['who', 'what', 'permission from', 'at', 'event']
  return { title: 'People', blocks: [{ is: 'table', heads, rows, none: 'None.' }] }
}

function messageSection({ messages }: Evidence): Section {
  const items = messages.map(
    ({ kind, at, link, channel, ts }): Words => [
      `${kind}, ${utc(at)}: `,
      { link, text: `message ${ts} in ${channel}` },
    ],
  )
  return { title: 'Messages in Slack', blocks: [{ is: 'list', items, none: 'None.' }] }
}

/**
 * The exact texts come last: a reader can check them without Signoff. Each line of the last block is what one hash was made
 * of: the 64 digits of the hash before it, directly followed by the event's text.
 */
function recordSection({ chain: { found, events }, plan, people }: Evidence): Section {
  const nameOf = (id: string) => people.find((person) => person.id === id)?.name ?? id
  const rows = events.map(({ id, event, hash }): readonly Words[] => [
    ...[[String(id)], [utc(event.at)], [nameOf(event.actor)], [eventWords(event)], [{ code: hash }]],
  ])
  return {
    title: 'Record',
    blocks: [
      found.ok
        ? words(`The chain of ${found.count} events is verified. Its head is `, { code: found.head }, '.')
        : words({ strong: 'The chain fails verification' }, `: ${found.why}.`),
      { is: 'table', heads: ['event', 'at', 'who', 'what', 'hash'], rows, none: 'None.' },
      ...(plan === undefined
        ? []
        : [
            words('The facts that sign-offs cover. The SHA-256 of this text is the fingerprint:'),
            { is: 'exact', text: canonicalJson(plan.bound), language: 'json' } as const,
          ]),
      ...(events.length === 0
        ? []
        : [
            words(
              'What each hash is made of, a line for each event: the 64 digits of the hash before it, directly followed by the text of the event.',
            ),
            {
              is: 'exact',
              text: events.map(({ previousHash, body }) => `${previousHash}${body}`).join('\n'),
              language: 'text',
            } as const,
          ]),
    ],
  }
}

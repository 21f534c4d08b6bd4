/** The rules in force and who was in the groups, as the events of a release hold them. */
import type { PeopleList } from '../../release/policy.ts'
import type { RecordedRules } from '../../release/recorded-rules.ts'
import type { Decision, Decisions } from './decisions.ts'
import { type Block, counted, type Fact, type Section, utc, type Words, words } from './document.ts'
import { NOT_RECORDED } from './separation.ts'

/** `names`: of everybody who acted, by id. */
export function rulesSection({ rules, signOffs, plannedAt }: Decisions, names: ReadonlyMap<string, string>): Section {
  return { title: 'Rules in force', blocks: [...rulesBlocks(rules, plannedAt), ...groupBlocks(signOffs, names)] }
}

function peopleText(list: PeopleList): string {
  return typeof list === 'string' ? list : list.join(', ')
}

function rulesBlocks(rules: RecordedRules | undefined, plannedAt: string | undefined): readonly Block[] {
  if (plannedAt === undefined) return [words('No plan was made, so nobody was asked.')]
  if (rules === undefined) return [words(`The rules in force were ${NOT_RECORDED}.`)]
  const talk = discussionsText(rules).map((line): Fact => ['Talked over', [line]])
  const holds = heldBy(rules)
  if ('sign_off' in rules) return [facts([['Sign-offs', ['none: this environment asks nobody']], ...talk, ...holds])]
  return [
    facts([
      ['QA', [qaText(rules.qa, peopleText(rules.qa_by))]],
      [
        'Approval',
        [
          rules.approvals === 0
            ? 'not needed'
            : `${counted(rules.approvals, 'person', 'people')}: ${peopleText(rules.approvers)}; never the requester, nor who wrote every commit`,
        ],
      ],
      ...talk,
      [
        'Emergency',
        [
          rules.emergency_by.length === 0
            ? 'nobody may declare one'
            : `may be declared by ${peopleText(rules.emergency_by)}`,
        ],
      ],
      ['Build checks', [rules.require_checks ? 'must have passed' : 'are shown, and need not have passed']],
      ['Sign-offs expire', [`after ${rules.expires_after.replace(/(\d)([a-z])/, '$1 $2')}`]],
      ...holds,
    ]),
  ]
}

function qaText(qa: number | 'each change', people: string): string {
  if (qa === 'each change') return `of each change: ${people}`
  return qa === 0 ? 'not needed' : `${counted(qa, 'person', 'people')}: ${people}`
}

/** What else could hold a release back: recorded only where it is not the default. */
function heldBy({ order, freezes = [] }: RecordedRules): readonly Fact[] {
  const orders = { required: 'the commit must be proven on the promoted environment', off: 'is not looked at' }
  const periods = freezes.map(({ name, from, to, time_zone: zone }) => `${name} (${from} to ${to}, ${zone})`)
  return [
    ...(order === undefined ? [] : [['Order', [orders[order]]] as const]),
    ...(periods.length === 0 ? [] : [['Freezes', [periods.join('; ')]] as const]),
  ]
}

/** A line for each set of people who must talk migrations over. */
function discussionsText({ talk_it_over: kinds, talked_over_by: by, migrations = [] }: RecordedRules): string[] {
  const line = (of: string, risks: readonly string[], people: PeopleList) =>
    `migrations${of} of the kinds ${risks.join(', ')}, by ${peopleText(people)}`
  const ofOne = kinds === undefined ? [] : [line('', kinds, by ?? [])]
  return [
    ...ofOne,
    ...migrations.map((each) => line(` of ${each.names.join(', ')}`, each.talk_it_over, each.talked_over_by)),
  ]
}

function facts(shown: readonly Fact[]): Block {
  return { is: 'facts', facts: shown }
}

const KINDS: Readonly<Record<Decision['kind'], string>> = {
  qa: 'QA',
  approval: 'the approval',
  'talked over': 'Talked over',
  rejection: 'the rejection',
  emergency: 'the emergency',
}

/** A row for each group and sign-off; one for sign-offs at which the same people were in it. */
function groupBlocks(signOffs: readonly Decision[], names: ReadonlyMap<string, string>): readonly Block[] {
  const rows = signOffs.flatMap(({ kind, by, at, right, groups }) => {
    const when = `${KINDS[kind]} by ${names.get(by.id) ?? by.id}, ${utc(at)}`
    if (groups !== undefined) {
      return groups.map(({ handle, count, members }): readonly Words[] => [
        [handle],
        [when],
        [membersText(names, count, members)],
      ])
    }
    return right?.startsWith('@') ? [[[right], [when], [NOT_RECORDED]]] : []
  })
  if (rows.length === 0) return []
  return [
    { is: 'heading', text: 'Who was in the groups' },
    { is: 'table', heads: ['group', 'at the time of', 'members'], rows, none: '' },
  ]
}

function membersText(
  names: ReadonlyMap<string, string>,
  count: number | undefined,
  members: readonly string[] | undefined,
): string {
  if (count === undefined || members === undefined) return 'not known: Slack did not list them'
  if (count === 0) return 'nobody'
  const shown = members.map((id) => (names.has(id) ? `${names.get(id)} (${id})` : id))
  const left = count - members.length
  return `${shown.join(', ')}${left > 0 ? ` and ${left} more` : ''}`
}

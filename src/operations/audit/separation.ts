/** Separation of duties, computed from the decisions that a release's events record. */
import { type Decision, type Decisions, isProcess, type Who } from './decisions.ts'

export type Verdict =
  | 'separated'
  | 'not separated'
  /** What ran lacks a sign-off that the rules asked for, or has one that they do not allow. */
  | 'against the rules'
  | 'not recorded'
  | 'nothing ran'
  | 'undecided'

export interface Separation {
  readonly verdict: Verdict
  /** Why duties were not separated. */
  readonly because?: 'emergency' | 'nobody is asked' | 'one person' | 'disputed'
  /** Plain sentences, with the names of people and the words that they wrote. */
  readonly sentences: readonly string[]
}

/** Said wherever an older version recorded less. */
export const NOT_RECORDED = 'not recorded by the version that made this release'

interface Facts {
  readonly decisions: Decisions
  /** The sign-offs before it was approved. */
  readonly before: readonly Decision[]
  /** `QA by Lin`, `approved by Tom and Nia`. */
  readonly given: readonly string[]
  /** How many people the rules asked for; undefined if no rules are recorded. */
  readonly asked: { readonly qa: number | 'each change'; readonly approvals: number } | undefined
  readonly name: (who: Who) => string
}

/** Who requested, tested and approved a release, and whether these were different people. */
export function separationOf(decisions: Decisions): Separation {
  const { requested, signOffs, rules, approvedAt, startedAt, ended } = decisions
  const name = namesIn(decisions)
  // A sign-off that its person says they did not give counts for nothing.
  const before = signOffs.filter(({ isAfterwards, disputedAt }) => !isAfterwards && disputedAt === undefined)
  const disputed = signOffs.flatMap(({ disputedAt, kind, by }) =>
    disputedAt === undefined ? [] : [`${name(by)} says that they did not give a sign-off (${kind}): it is void.`],
  )
  const asked = rules === undefined ? undefined : 'qa' in rules ? rules : { qa: 0, approvals: 0 }
  const facts: Facts = { decisions, before, given: rolesOf(before, name), asked, name }
  const { sentences, ...found } = decide(facts)
  const by =
    requested === undefined
      ? 'Who requested it is not recorded.'
      : isProcess(requested.by)
        ? 'Requested automatically.'
        : `Requested by ${name(requested.by)}.`
  return { ...found, sentences: [by, ...sentences, ...disputed] }

  function decide(facts: Facts): Separation {
    const soFar = sentenceOf(facts.given)
    if (ended !== undefined && startedAt === undefined) {
      if (ended.state === 'succeeded') {
        return { verdict: 'not recorded', sentences: [...soFar, 'It succeeded, and no event records its run.'] }
      }
      const moment = approvedAt === undefined ? 'was approved' : 'started'
      return {
        verdict: 'nothing ran',
        sentences: [...soFar, `${endedAs(ended, name)} before it ${moment}: nothing ran.`],
      }
    }
    if (approvedAt === undefined) return { verdict: 'undecided', sentences: [...soFar, 'It is not decided yet.'] }
    const emergency = before.find(({ kind }) => kind === 'emergency')
    if (emergency !== undefined) return byEmergency(facts, emergency)
    const broken = brokenRules(facts)
    if (broken.length === 0) return bySignOffs(facts)
    // It was approved by the rules: only afterwards a sign-off became void.
    if (isApprovedByVoid(decisions)) return { verdict: 'not separated', because: 'disputed', sentences: soFar }
    return { verdict: 'against the rules', sentences: [...soFar, ...broken] }
  }
}

function isApprovedByVoid({ signOffs }: Decisions): boolean {
  return signOffs.some(({ isAfterwards, disputedAt }) => !isAfterwards && disputedAt !== undefined)
}

/** A person's name; with the id for namesakes, and where a name could be read as more than a name. */
function namesIn({ requested, signOffs, go, ended }: Decisions): Facts['name'] {
  const people = [requested?.by, ...signOffs.map(({ by }) => by), go, ended?.by].filter((who) => who !== undefined)
  const bearers = Map.groupBy(unique(people), (who) => who.name)
  return ({ id, name }) => {
    if (name === undefined) return id
    const isPlain = /^[\p{L}\p{M}\p{N} .'’-]{1,40}$/u.test(name) && !/\b(?:and|by|or|not|people)\b/i.test(name)
    if (!isPlain) return `${JSON.stringify(name)} (${id})`
    return (bearers.get(name)?.length ?? 0) > 1 ? `${name} (${id})` : name
  }
}

function unique(people: readonly Who[]): readonly Who[] {
  return [...new Map(people.toReversed().map((who) => [who.id, who])).values()].toReversed()
}

function peopleWho(decisions: readonly Decision[], kind: Decision['kind']): readonly Who[] {
  return unique(decisions.filter((each) => each.kind === kind).map(({ by }) => by))
}

const ROLES = [
  ['qa', 'QA by'],
  ['approval', 'approved by'],
  ['talked over', 'migrations talked over by'],
] as const

function rolesOf(decisions: readonly Decision[], name: Facts['name']): readonly string[] {
  return ROLES.flatMap(([kind, words]) => {
    const people = peopleWho(decisions, kind)
    return people.length > 0 ? [`${words} ${joined(people.map(name))}`] : []
  })
}

/** `a, b and c`. */
function joined(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

const upper = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)

function sentenceOf(parts: readonly string[]): readonly string[] {
  return parts.length === 0 ? [] : [`${upper(parts.join(', '))}.`]
}

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']

function howMany(count: number, one: string, many = `${one}s`): string {
  return `${NUMBERS[count] ?? count} ${count === 1 || count === 0 ? one : many}`
}

function endedAs({ state, by, reason }: NonNullable<Decisions['ended']>, name: Facts['name']): string {
  const who = by === undefined ? '' : ` by ${name(by)}`
  return `It ended as ${state}${who}${reason === undefined ? '' : ` (${JSON.stringify(reason)})`}`
}

/** What ran although the rules did not allow it, as far as the record tells. Signoff refuses each of these. */
function brokenRules({ decisions, before, asked, name }: Facts): readonly string[] {
  const { requested } = decisions
  const approvers = peopleWho(before, 'approval')
  const lacks = (what: string, given: number, needed = 0) => {
    if (given >= needed) return []
    const recorded = given === 0 ? `no ${what} is` : `${NUMBERS[given] ?? given} ${given === 1 ? 'is' : 'are'}`
    return [`The rules asked for ${howMany(needed, what)}; ${recorded} recorded, and no emergency.`]
  }
  const own = requested !== undefined && approvers.some(({ id }) => id === requested.by.id)
  return [
    ...(own ? [`${name(requested.by)} approved their own release, which no rule allows.`] : []),
    ...(asked?.qa === 'each change'
      ? untestedWords(decisions, before)
      : lacks('QA sign-off', peopleWho(before, 'qa').length, asked?.qa)),
    ...lacks('approval', approvers.length, asked?.approvals),
  ]
}

/** The changes that none of these sign-offs has tested. Without changes in the plan, the release as a whole is one. */
function untested({ changes = [] }: Decisions, signOffs: readonly Decision[]): number {
  const qa = signOffs.filter(({ kind }) => kind === 'qa')
  if (changes.length === 0) return qa.length === 0 ? 1 : 0
  const tested = new Set(qa.flatMap((each) => each.changes ?? []))
  return changes.filter((change) => !tested.has(change)).length
}

function untestedWords(decisions: Decisions, before: readonly Decision[]): readonly string[] {
  const missing = untested(decisions, before)
  if (missing === 0) return []
  return [`The rules asked for QA of each change; ${howMany(missing, 'change')} had none, and there was no emergency.`]
}

function bySignOffs(facts: Facts): Separation {
  const { decisions, before, given, asked, name } = facts
  const requester = decisions.requested?.by
  const [testers, approvers] = [peopleWho(before, 'qa'), peopleWho(before, 'approval')]
  const isAnother = ({ id }: Who) => id !== requester?.id
  if (![...testers, ...approvers].some(isAnother)) return byOnePerson(facts)
  const acting = [...(requester && !isProcess(requester) ? [requester] : []), ...before.map(({ by }) => by)]
  const people = unique(acting).length
  const both = testers.filter(({ id }) => approvers.some((approver) => approver.id === id))
  const own = testers.find((tester) => !isAnother(tester))
  const none = approvers.length > 0 ? ', none approved their own release' : ''
  return {
    verdict: requester === undefined ? 'not recorded' : people < 2 ? 'not separated' : 'separated',
    ...(requester !== undefined && people < 2 && { because: 'one person' as const }),
    sentences: [
      `${upper(given.join(', '))}: ${howMany(people, 'person', 'people')}${none}.`,
      ...(both.length > 0 ? [`${joined(both.map(name))} gave both QA and approval, which the rules allow.`] : []),
      ...ownChanges(facts),
      ...(own ? [`${name(own)} gave QA for their own request, which the rules allow.`] : []),
      ...(asked?.approvals === 0 ? ['The rules ask for no approval.'] : []),
    ],
  }
}

/** `Chi tested two changes of their own, which the rules allow.` */
function ownChanges({ before, name }: Facts): readonly string[] {
  const testers = Map.groupBy(
    before.filter(({ kind, own = [] }) => kind === 'qa' && own.length > 0),
    ({ by }) => by.id,
  )
  return [...testers.values()].flatMap((theirs) => {
    const count = theirs.reduce((sum, { own = [] }) => sum + own.length, 0)
    return theirs[0] === undefined
      ? []
      : [`${name(theirs[0].by)} tested ${howMany(count, 'change')} of their own, which the rules allow.`]
  })
}

function byOnePerson({ decisions: { requested, go }, before, given, asked, name }: Facts): Separation {
  const soFar = [...sentenceOf(given), ...(go === undefined ? [] : [`${name(go)} pressed Go.`])]
  if (asked === undefined) {
    const unknown = ['No sign-off of another person is recorded.', `The rules in force were ${NOT_RECORDED}.`]
    return { verdict: 'not recorded', sentences: [...soFar, ...unknown] }
  }
  const isNobodyAsked = asked.qa === 0 && asked.approvals === 0
  const who = requested === undefined ? 'one person' : name(requested.by)
  const isAutomatic = requested !== undefined && isProcess(requested.by)
  const alone = isAutomatic
    ? 'it was deployed automatically, and nobody gave QA or approval'
    : before.every(({ by }) => by.id === requested?.by.id)
      ? `${who} decided alone`
      : 'nobody else gave QA or approval'
  const why = isNobodyAsked
    ? 'the rules of this environment ask for no QA and no approval'
    : 'the rules ask for no approval, and the requester may give QA'
  return {
    verdict: 'not separated',
    because: isNobodyAsked ? 'nobody is asked' : 'one person',
    sentences: [...soFar, `Duties were not separated: ${alone}. It was allowed: ${why}.`],
  }
}

function byEmergency({ decisions, before, given, asked, name }: Facts, emergency: Decision): Separation {
  const { requested, signOffs } = decisions
  const lacksQa = (decided: readonly Decision[]) =>
    asked?.qa === 'each change' ? untested(decisions, decided) > 0 : (asked?.qa ?? 0) > peopleWho(decided, 'qa').length
  const lacks = (decided: readonly Decision[]) => [
    ...(lacksQa(decided) ? ['QA'] : []),
    ...((asked?.approvals ?? 0) > peopleWho(decided, 'approval').length ? ['approval'] : []),
  ]
  const [waived, missing] = [lacks(before), lacks(signOffs)]
  const later = signOffs.filter(({ isAfterwards }) => isAfterwards)
  const isWhole = asked !== undefined && waived.length === 0
  const isOther = before.some(({ kind, by }) => kind !== 'emergency' && by.id !== requested?.by.id)
  const own = requested?.by.id === emergency.by.id ? ' for their own request' : ''
  const reason = emergency.note === undefined ? '' : `: ${JSON.stringify(emergency.note)}`
  const without = asked === undefined ? `what it waived was ${NOT_RECORDED}` : `it ran without ${joined(waived)}`
  const degree = given.length > 0 ? 'not fully separated' : 'not separated'
  return {
    verdict: isWhole && isOther ? 'separated' : 'not separated',
    because: 'emergency',
    sentences: [
      ...sentenceOf(given),
      `${name(emergency.by)} declared an emergency${own}${reason}.`,
      isWhole
        ? 'QA and approval were complete by then, as far as the rules ask for them: it waived something else, such as Talked over.'
        : `Duties were ${degree}: ${without}. ${whyAllowed(emergency, name(emergency.by))}`,
      ...(later.length > 0 ? [`Afterwards: ${rolesOf(later, name).join(', ')}.`] : []),
      ...(missing.length > 0 ? [`Still missing: ${joined(missing)}.`] : []),
    ],
  }
}

function whyAllowed({ right }: Decision, name: string): string {
  if (right === undefined) return `Why it was allowed was ${NOT_RECORDED}.`
  if (right === 'named by id') return `It was allowed: the rules name ${name}.`
  if (right.startsWith('@')) return `It was allowed: ${name} is a member of ${right}.`
  return `It was allowed: ${right === 'every full member' ? `${right} of the workspace may` : right}.`
}

/** The events in words, for people who read a release's evidence. */
import type { EventType } from '../../release/events.ts'
import { type EventBody, isText } from './decisions.ts'
import { counted } from './document.ts'

type Data = EventBody['data']
type ToWords = (data: Data) => string

const SIGNED: Readonly<Record<string, string>> = {
  qa: 'confirmed that QA passed',
  approval: 'approved it',
  'talked over': 'confirmed that the migrations were discussed with the team',
  rejection: 'rejected it',
  emergency: 'declared an emergency',
}

const number = (value: unknown) => (typeof value === 'number' ? value : 0)
const again = ({ attempt }: Data, words: string) =>
  number(attempt) > 1 ? `${words}, attempt ${number(attempt)}` : words
const because = (value: unknown) => (isText(value) ? `: ${value}` : '')
const step = ({ step }: Data) => (isText(step) ? step : 'a step')
const names = (people: unknown) =>
  (Array.isArray(people) ? people : []).flatMap((one: { name?: unknown } | null) => one?.name ?? []).filter(isText)
const all = (value: unknown) => (Array.isArray(value) ? value.filter(isText) : [])

const testedWords = (count: number, own: number) =>
  `tested ${counted(count, 'change')}${own === 0 ? '' : own === count ? ', as its author' : `, ${own} of them as the author`}`

const lockedPlace = ({ app, environment }: Data) =>
  isText(app) && isText(environment) ? `${app} ${environment}` : 'all environments'
const lockEnd = ({ until }: Data) => (isText(until) ? ` until ${until}` : ', without an end')
/** `2026-12-03 06:30 UTC` */
const utc = (at: unknown) => (isText(at) ? `${at.slice(0, 16).replace('T', ' ')} UTC` : 'an unknown time')

const EVENT_WORDS: Readonly<Record<EventType, ToWords>> = {
  release_requested: ({ to, replaces, forEmergency, startAt, head }) =>
    `requested it${head === undefined ? '' : ` automatically, for ${String(head).slice(0, 7)}`}${to === undefined ? '' : `, back to #${number(to)}`}${replaces === undefined ? '' : `, in place of #${replaces}`}${forEmergency === true ? ', for an emergency' : ''}${isText(startAt) ? `, to start at ${utc(startAt)}` : ''}`,
  plan_made: ({ commits, pending }) =>
    `planned it: ${counted(number(commits), 'commit')}, ${counted(number(pending), 'migration')}`,
  card_posted: () => 'posted its card in the channel',
  sign_off_given: ({ kind, note, waives, changes, own }) =>
    `${kind === 'qa' && all(changes).length > 0 ? testedWords(all(changes).length, all(own).length) : (SIGNED[String(kind)] ?? `signed: ${String(kind)}`)}${all(waives).length === 0 ? '' : `, which waived ${all(waives).join(' and ')}`}${because(note)}`,
  go_given: () => 'pressed Go',
  release_approved: (data) => again(data, 'let it run: it has what it needs'),
  preflight_passed: (data) => again(data, 'checked every bound fact again: nothing has moved'),
  preflight_refused: ({ gate }) => `stopped it before the run${because(gate)}`,
  announcement_sent: () => 'queued the announcement',
  announcement_confirmed: () => 'announced it in the channel',
  run_started: (data) => again(data, 'started the run'),
  step_started: (data) => again(data, `began the step ${step(data)}`),
  step_done: (data) => `${step(data)}${because(data.said)}`,
  step_failed: (data) => `${step(data)} failed${because(data.said)}`,
  step_unknown: (data) => `${step(data)}: outcome unknown${because(data.said)}`,
  cancel_asked: () => 'cancelled it',
  retry_asked: (data) => again(data, 'retried it'),
  attention_needed: (data) => `stopped: it needs attention${because(data.gate)}`,
  release_ended: ({ state, reason, gate }) => `ended as ${String(state)}${because(reason ?? gate)}`,
  aftermath_seen: ({ warnings }) =>
    `looked at what runs: ${all(warnings).length === 0 ? 'nothing is wrong' : all(warnings).join('; ')}`,
  hotfix_carried: ({ branch, pullRequest }) =>
    `opened or found pull request ${number(pullRequest)}, which takes the picks to ${String(branch)}`,
  hotfix_followed_up: ({ branch, missing }) =>
    all(missing).length === 0
      ? `saw that ${String(branch)} has all picked commits`
      : `saw that ${String(branch)} still lacks ${counted(all(missing).length, 'picked commit')}`,
  hotfix_branch_settled: ({ branch, became }) => `cleaned up ${String(branch)}: ${String(became)}`,
  lock_set: (data) => `locked ${lockedPlace(data)}${lockEnd(data)}${because(data.reason)}`,
  lock_changed: (data) => `changed the lock of ${lockedPlace(data)}${lockEnd(data)}${because(data.reason)}`,
  lock_taken_over: (data) =>
    `took over the lock of ${lockedPlace(data)} from ${isText(data.fromName) ? data.fromName : String(data.from)}${because(data.reason)}`,
  lock_ended: (data) =>
    data.how === 'expired'
      ? `ended the lock of ${lockedPlace(data)}: its time was over`
      : `unlocked ${lockedPlace(data)}`,
  release_scheduled: ({ at }) => `scheduled it: it starts at ${utc(at)}`,
  start_held: ({ gate }) => `did not start it at its time${because(gate)}`,
  start_asked: () => 'pressed Start now',
  start_time_changed: ({ from, to }) => `changed its start from ${utc(from)} to ${utc(to)}`,
  release_marked: ({ mark, reason, rollback }) =>
    `marked it as ${String(mark)}${rollback === undefined ? '' : ` by the rollback #${number(rollback)}`}${because(reason)}`,
  record_settled: ({ commentUrl, detail }) =>
    commentUrl === undefined ? `gave up writing the record${because(detail)}` : 'wrote the record that was missing',
  people_told: ({ kind, people }) =>
    `told in private of ${isText(kind) ? kind : 'it'}: ${names(people).join(', ') || 'nobody'}`,
  head_not_deployed: ({ commit, because }) =>
    `did not deploy ${String(commit).slice(0, 7)} automatically: builds ${String(because)}`,
  sign_off_disputed: ({ kind }) =>
    `said that they did not give this sign-off (${isText(kind) ? kind : 'unknown'}): it is void`,
}

/** What happened, without who did it. An event that only a newer version knows is told by its type. */
export function eventWords({ type, data }: EventBody): string {
  const words = Object.hasOwn(EVENT_WORDS, type) ? EVENT_WORDS[type as EventType] : undefined
  return words?.(data) ?? type.replaceAll('_', ' ')
}

const TOO_FINE: readonly string[] = ['step_started', 'announcement_sent', 'card_posted', 'hotfix_branch_settled']
const MAIN_STEPS: readonly unknown[] = ['pick', 'merge', 'migrate', 'push', 'confirm']

/** Whether the short story of a release tells this event. */
export function isMainEvent({ type, data }: EventBody): boolean {
  return type === 'step_done' ? MAIN_STEPS.includes(data.step) : !TOO_FINE.includes(type)
}

import { defined } from '../lib/defined.ts'
import type { ReleaseEvent } from '../release/events.ts'
import type { Plan } from '../release/plan.ts'
import type { Store } from '../release/ports/store.ts'

/**
 * The same store, as the last protection against secrets. It scrubs the output of tools (problems, step results, events,
 * thread lines, answers) and the texts of people (reasons, notes) before they are stored and can reach Slack. Of plans only
 * what a rollback could not find out is scrubbed: what plans bind must not change, and they contain no other output of tools.
 */
export function scrubStore(store: Store, scrub: (text: string) => string): Store {
  const clean = <T>(value: T): T => scrubTexts(value, scrub)
  return {
    ...store,
    transaction: (work, options) =>
      store.transaction(
        (tx) =>
          work({
            ...tx,
            createRelease: (release) =>
              tx.createRelease(release.reason ? { ...release, reason: scrub(release.reason) } : release),
            changeRelease: (number, change) =>
              tx.changeRelease(number, {
                ...change,
                ...defined({
                  problem: change.problem && clean(change.problem),
                  plan: change.plan && withCleanUnknowns(change.plan, clean),
                  endReason: change.endReason && scrub(change.endReason),
                }),
              }),
            addSignOff: (number, signOff) =>
              tx.addSignOff(number, signOff.note ? { ...signOff, note: scrub(signOff.note) } : signOff),
            addTested: (number, tested) =>
              tx.addTested(
                number,
                tested.map((each) => (each.note ? { ...each, note: scrub(each.note) } : each)),
              ),
            putStep: (number, step) => tx.putStep(number, step.result ? { ...step, result: clean(step.result) } : step),
            putMark: (number, mark) => tx.putMark(number, mark.reason ? { ...mark, reason: scrub(mark.reason) } : mark),
            addEvent: (event) => tx.addEvent({ ...event, data: clean(event.data) } as ReleaseEvent),
            send: (message) =>
              tx.send(
                message.kind === 'line'
                  ? { ...message, line: clean(message.line) }
                  : message.kind === 'private' && message.message.is === 'refusal'
                    ? { ...message, message: clean(message.message) }
                    : message,
              ),
            locks: {
              ...tx.locks,
              add: (lock) => tx.locks.add({ ...lock, reason: scrub(lock.reason) }),
              change: (id, change) =>
                tx.locks.change(
                  id,
                  'reason' in change && change.reason ? { ...change, reason: scrub(change.reason) } : change,
                ),
            },
          }),
        options,
      ),
  }
}

function withCleanUnknowns(plan: Plan, clean: <T>(value: T) => T): Plan {
  const { rollback } = plan
  return rollback === undefined ? plan : { ...plan, rollback: { ...rollback, unknowns: clean(rollback.unknowns) } }
}

/** The same value with each of its texts scrubbed. */
export function scrubTexts<T>(value: T, scrub: (text: string) => string): T {
  return scrubDeep(value, scrub) as T
}

function scrubDeep(value: unknown, scrub: (text: string) => string): unknown {
  if (typeof value === 'string') return scrub(value)
  if (Array.isArray(value)) return value.map((item) => scrubDeep(item, scrub))
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, scrubDeep(item, scrub)]))
  }
  return value
}

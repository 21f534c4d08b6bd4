/** Faults at the ports: what goes wrong with the nth call of a method, by a plan. The code under test knows nothing of it. */
import { diskFull, lost, TELLS_ALL, wrong } from './failures.ts'
import { acting } from './truth.ts'

export type Role = 'bot' | 'worker'

export type FaultKind =
  /** The process dies instead of making the call, with its answer, or while the server is still at it. */
  | 'kill before'
  | 'kill after'
  | 'kill during'
  /** No answer in time; what was asked was done, is done later (begun `ms` from the call), or never arrived. */
  | 'timeout applied'
  | 'timeout late'
  | 'timeout not applied'
  /** An answer at once that says nothing of what was done. */
  | '5xx before'
  | '5xx after'
  | '429'
  | 'disk full'
  /** The service answers, with words of its own, that it won't. */
  | 'says no'
  /** The adapter throws what it did not expect. */
  | 'throws'
  /** Somebody else does something (`does`) before the call, or before its answer is read. */
  | 'meanwhile before'
  | 'meanwhile after'
  /** The store's connection breaks before the commit, or after it. */
  | 'store down before'
  | 'store down after'
  /** The store is away for `ms` from this call, for everyone. */
  | 'store away'
  /** The process stands still, beyond its lease, before the call or with its answer; another worker is there. */
  | 'stall before'
  | 'stall after'
  /** The store's clock jumps before the call, by `ms`. */
  | 'clock jump'
  /** Slack, for `ms` from this call. */
  | 'slack down'
  /** The queue gives the job of this call out twice; of a bot, or of what a worker does by itself: its round is made twice at once. */
  | 'job twice'

export interface PlannedFault {
  readonly role: Role
  /** `git.push`, `store.transaction`, … */
  readonly call: string
  /** Which call of this name by this role, from 1, over all its processes. */
  readonly nth: number
  readonly fault: FaultKind
  /** Who dies; left out, the process whose call it is. */
  readonly who?: Role | 'both'
  readonly ms?: number
  /** What somebody else does meanwhile; the call stands until it is done. */
  readonly does?: () => unknown
}

/** One call as it was made. */
export interface Call {
  readonly role: Role
  readonly call: string
  readonly nth: number
  readonly at: number
  readonly process: string
  /** The job that made it, such as `run 1`. */
  readonly job?: string
  /** The events that a transaction has added, such as `step_started merge`, and heads that it has noted, such as `head due`. */
  readonly events: string[]
  readonly args: readonly unknown[]
}

/** What the calls of one process go through. */
export interface Gate {
  readonly role: Role
  readonly process: string
  isAlive(): boolean
  /** Undefined unless it stands still. */
  standing(): Promise<void> | undefined
  /** Brings about what is more than an answer. */
  strike(planned: PlannedFault, call: Call): void
  /** The next transaction of this process fails. */
  failStore(when: 'before' | 'after'): void
  /** Slack is down now. */
  isSlackDown(): boolean
  /** How long the process waits when no answer comes. */
  sleep(ms: number): Promise<void>
}

export interface Noted {
  readonly made: Call
  /** What goes wrong with it. */
  readonly planned: PlannedFault | undefined
}

export interface FaultPlan {
  /** Every call so far, in order. */
  readonly calls: readonly Call[]
  readonly struck: readonly PlannedFault[]
  /** Adds a fault for a call that is still to come. */
  add(fault: PlannedFault): void
  /** What has not struck yet never will. */
  forget(): void
  note(gate: Gate, call: string, args: readonly unknown[], at: number, job?: string): Noted
}

export function createFaultPlan(planned: readonly PlannedFault[]): FaultPlan {
  const waiting = [...planned]
  const struck: PlannedFault[] = []
  const calls: Call[] = []
  const counts = new Map<string, number>()
  return {
    calls,
    struck,
    add: (fault) => void waiting.push(fault),
    forget: () => void waiting.splice(0),
    note({ role, process }, call, args, at, job) {
      const name = `${role} ${call}`
      const nth = (counts.get(name) ?? 0) + 1
      counts.set(name, nth)
      const made: Call = { role, call, nth, at, process, args, events: [], ...(job !== undefined && { job }) }
      calls.push(made)
      const index = waiting.findIndex((each) => each.role === role && each.call === call && each.nth === nth)
      if (index === -1) return { made, planned: undefined }
      const [fault] = waiting.splice(index, 1)
      if (fault) struck.push(fault)
      return { made, planned: fault }
    },
  }
}

const ANSWER_WITHIN_MS = 10_000
/** The answer is lost while the server is at it. */
const SOON_MS = 1_500

const never = () => new Promise<never>(() => undefined)

export interface Through {
  readonly gate: Gate
  readonly plan: FaultPlan
  now(): number
  readonly job?: string
  /** Another process has the job now. */
  isOvertaken?(): boolean
}

/** The same port, whose calls go through the plan. Methods that are not there stay so. */
export function throughFaults<T extends object>(target: T, port: string, through: Through): T {
  const { gate, plan, now, job } = through
  async function call(name: string, args: unknown[], make: (call: Call) => Promise<unknown>): Promise<unknown> {
    const alive = async <V>(value: V): Promise<V> => {
      for (let stands = gate.standing(); stands && gate.isAlive(); stands = gate.standing()) await stands
      return gate.isAlive() ? value : never()
    }
    await alive(undefined)
    const { made, planned } = plan.note(gate, name, args, now(), job)
    // What stands still with its request on its way is left out: no fence reaches so far.
    const isOvertaken = through.isOvertaken?.() ?? false
    const by = { process: gate.process, isOvertaken, ...(job !== undefined && { job }) }
    const act = () => acting.run(by, () => make(made))
    const settled = async () => {
      try {
        return await alive(await act())
      } catch (error) {
        await alive(undefined)
        throw error
      }
    }
    const silence = async (afterMs: number, kind: FaultKind) => {
      await gate.sleep(afterMs)
      await alive(undefined)
      return lost(name, kind)
    }
    const isSlack = port === 'slack' || port === 'interactive' || port === 'directory'
    if (planned?.fault === 'slack down') gate.strike(planned, made)
    if (isSlack && gate.isSlackDown()) return (await silence(200, 'timeout not applied'))?.answer
    if (planned === undefined) return settled()
    const { fault } = planned
    switch (fault) {
      case 'kill before':
        gate.strike(planned, made)
        return gate.isAlive() ? settled() : never()
      case 'kill during': {
        const answer = settled()
        gate.strike(planned, made)
        return answer
      }
      case 'kill after': {
        const answer = await settled()
        gate.strike(planned, made)
        return alive(answer)
      }
      case 'stall before':
        gate.strike(planned, made)
        await alive(undefined)
        return settled()
      case 'stall after': {
        const answer = await settled()
        gate.strike(planned, made)
        return alive(answer)
      }
      case 'timeout applied':
      case '5xx after': {
        await settled()
        const silent = await silence(fault === 'timeout applied' ? ANSWER_WITHIN_MS : 0, fault)
        return silent === undefined ? undefined : silent.answer
      }
      case 'timeout late': {
        void gate.sleep(planned.ms ?? 0).then(() => act().catch(() => undefined))
        return (await silence(SOON_MS, fault))?.answer
      }
      case 'timeout not applied':
        return (await silence(ANSWER_WITHIN_MS, fault))?.answer
      case '5xx before':
      case '429':
        return (await silence(100, fault))?.answer
      case 'disk full': {
        return alive(diskFull(name))
      }
      case 'says no': {
        const no = wrong(name)
        return no === undefined ? settled() : alive(no.answer)
      }
      case 'throws':
        throw new Error(`unexpected: ${TELLS_ALL}`)
      case 'meanwhile before':
        await planned.does?.()
        await alive(undefined)
        return settled()
      case 'meanwhile after': {
        const answer = await settled()
        await planned.does?.()
        return alive(answer)
      }
      case 'store down before':
      case 'store down after':
        gate.failStore(fault === 'store down before' ? 'before' : 'after')
        return settled()
      case 'store away':
      case 'clock jump':
      case 'job twice':
      case 'slack down':
        gate.strike(planned, made)
        return settled()
    }
  }

  return new Proxy(target, {
    get(of, property) {
      const method: unknown = Reflect.get(of, property)
      if (typeof method !== 'function' || typeof property !== 'string') {
        return typeof method === 'object' && method !== null && (port === 'slack' || port === 'interactive')
          ? throughFaults(method, port, through)
          : method
      }
      return (...args: unknown[]) =>
        call(`${port}.${property}`, args, async (made) => {
          return Reflect.apply(
            method,
            of,
            args.map((arg) => (property === 'transaction' ? noting(arg, made) : arg)),
          )
        })
    },
  })
}

/** The work of a transaction, whose events are noted with the call. */
function noting(work: unknown, made: Call): unknown {
  if (typeof work !== 'function') return work
  return (tx: Record<string, unknown>) =>
    work({
      ...tx,
      addEvent(event: { type: string; data: Record<string, unknown> }) {
        const step = typeof event.data.step === 'string' ? ` ${event.data.step}` : ''
        made.events.push(`${event.type}${step}`)
        if (typeof tx.addEvent === 'function') tx.addEvent(event)
      },
      putHead(head: { state: string }) {
        made.events.push(`head ${head.state}`)
        return typeof tx.putHead === 'function' ? tx.putHead(head) : undefined
      },
    })
}

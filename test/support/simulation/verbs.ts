/** What people, processes and the world can do in a simulation, and what a test can ask it. */

import type { View } from '@slack/types'
import type { Action } from '../../../src/release/actions.ts'
import type { Refusal } from '../../../src/release/refusals.ts'
import type { Release } from '../../../src/release/release.ts'
import type { Subject } from '../../../src/release/subjects.ts'
import type { SignOffKind } from '../../../src/release/terms.ts'
import type { Control } from '../../../src/slack/controls.ts'
import type { ModalResponse } from '../../../src/slack/modal-answer.ts'
import type { Log, Times } from '../../../src/worker/ports.ts'
import type { FaultPlan, PlannedFault, Role } from './faults.ts'
import type { ActionPayload } from './intake.ts'
import type { MemoryStore } from './memory-store.ts'
import type { SlackPace } from './processes.ts'
import type { Rules } from './setting.ts'
import type { World } from './world.ts'

/** What the person read: nothing, where the bot was not there or died. */
export type Answered = { readonly release: Release } | { readonly refused: Refusal } | 'no answer'

export interface SimulationOptions {
  readonly rules?: Rules
  readonly faults?: readonly PlannedFault[]
  readonly times?: Partial<Times>
  readonly pace?: SlackPace
  /** After a fault has killed a process; undefined: it stays dead until `restart`. */
  readonly restartAfterMs?: number | undefined
  /** How long a process that a fault stops stands still. */
  readonly standsMs?: number
  readonly log?: Log
}

export interface Simulation {
  readonly world: World
  readonly memory: MemoryStore
  readonly plan: FaultPlan
  now(): number
  releases(): readonly Release[]
  /** The newest release, or the one of this number. Throws where there is none. */
  release(number?: number): Release

  request(environment?: string, by?: string): Promise<Answered>
  /** The same with a time, as typed. */
  schedule(at: string, environment?: string, by?: string): Promise<Answered>
  startNow(by?: string, number?: number): Promise<Answered>
  changeTime(to: Date, by?: string, number?: number): Promise<Answered>
  hotfix(environment?: string, by?: string, commit?: string): Promise<Answered>
  /** `/deploy rollback`, with the release that the dialog has picked. `locks`: Lock afterwards stays ticked. */
  rollbackByCommand(environment?: string, by?: string, options?: { locks: boolean }): Promise<Answered>
  sign(kind: SignOffKind, by?: string, number?: number): Promise<Answered>
  reject(by?: string, number?: number): Promise<Answered>
  emergency(by?: string, number?: number): Promise<Answered>
  cancel(by?: string, number?: number): Promise<Answered>
  retry(by?: string, number?: number): Promise<Answered>
  close(by?: string, number?: number): Promise<Answered>
  go(by?: string, number?: number): Promise<Answered>
  planAgain(by?: string, number?: number): Promise<Answered>
  /** Presses That was not me on the receipt of the person's last sign-off of this kind, whether it still counts or not. */
  notMe(kind: SignOffKind, by: string, number?: number): Promise<Answered>
  /** Presses a button that acts on this subject, as on a private message. */
  control(control: Control, subject: Subject, by: string): Promise<Answered>
  /** **Take over…**, with its reason. */
  takeOver(lock: number, by: string): Promise<Answered>
  /** The token of a button that asks nothing, as of a card that is out of date. */
  tokenOf(action: Action, number?: number, options?: { asks?: boolean }): Promise<string>
  /** Slack delivers this; gives what its person read. */
  deliver(action: ActionPayload): Promise<Answered>
  /** What the modal that was sent last was answered. */
  shown(): ModalResponse | undefined
  /** The window that the last delivery has opened. */
  opened(): View | undefined
  /** Slack delivers the last click or command once more, or with a new id as another delivery of the same click. */
  deliverAgain(how?: 'same id' | 'new id'): Promise<Answered>

  /** Somebody commits to a branch at origin; gives the commit. */
  pushToBranch(branch: string): string
  /** The person leaves the workspace. */
  deactivate(person: string): void

  crash(who: Role | 'both'): void
  restart(who: Role | 'both'): void
  /** One more worker, on a host of its own. */
  secondWorker(): void
  /** The oldest worker stands still beyond its lease, for so long; another one is there. */
  pauseWorker(ms?: number): void
  /** The answer to the next call of this name, such as `git.push`, is lost. */
  loseAnswer(call: string, applied?: boolean): void
  /** The store's clock jumps. */
  jumpClock(ms: number): void
  slackDown(ms: number): void

  /** Time passes, and with it everything that happens by itself. */
  tick(ms: number): Promise<void>
  /** Runs until nothing moves by itself; false: it still did after `withinMs`. */
  settle(withinMs?: number): Promise<boolean>
  /** Runs until this holds; false: it never did within the time. */
  until(holds: () => boolean, withinMs?: number): Promise<boolean>
  /** Throws with every invariant that does not hold; at rest asks more. */
  checkInvariants(): void
  /** Lets the processes go. */
  end(): void
}

/** The store's rows of locks, and of the people who wait for an environment to be free. */
import type { Lock, LockEnd, LockPlace } from '../lock.ts'
import type { PersonName } from '../terms.ts'

export interface NewLock {
  readonly on: LockPlace
  readonly holder: PersonName
  readonly reason: string
  readonly until?: Date
}

/** An explicit `undefined` clears the end. A lock that has ended is never changed. */
export type LockChange =
  | { readonly reason?: string; readonly until?: Date | undefined }
  | { readonly ended: Omit<LockEnd, 'at'> }

/** Somebody who wants one message when an environment is free. */
export interface Watch {
  readonly id: number
  readonly app: string
  readonly environment: string
  /** Slack user id. */
  readonly person: string
}

/** Part of a transaction: call `lockEnvironment` or `lockAllEnvironments` first, so that two people can't both win. */
export interface LockRows {
  /** The locks that nobody has ended, also those whose time is over, in the order in which they were set. */
  open(): Promise<readonly Lock[]>
  lock(id: number): Promise<Lock | undefined>
  /** The environment, or all, must have no open lock. */
  add(lock: NewLock): Promise<Lock>
  /** The lock as it is then. Throws for a lock that has ended. */
  change(id: number, change: LockChange): Promise<Lock>
  /** Stores that this delivery of Slack's has set or changed this lock, so that it never does so twice. */
  delivered(key: string, id: number): Promise<void>
  /** The lock that this delivery has set or changed, as it is now. */
  deliveredTo(key: string): Promise<Lock | undefined>
  /** Safe to repeat: a person waits once for an environment. */
  watch(watch: Omit<Watch, 'id'>): Promise<void>
  /** Everybody who waits, in the order in which they began to. */
  watches(): Promise<readonly Watch[]>
  endWatch(id: number): Promise<void>
}

export interface LockFilter {
  /** Only those that nobody has ended. */
  readonly open?: true
  readonly app?: string
  readonly environment?: string
  readonly limit?: number
}

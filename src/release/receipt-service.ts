/** What people do with the receipts of their sign-offs: looks the person up, and makes the change in one transaction. */
import { defined } from '../lib/defined.ts'
import type { DisputeEffect } from './messages.ts'
import type { Person } from './policy.ts'
import type { Store } from './ports/store.ts'
import type { Refused } from './refusals.ts'
import type { DisputedSignOff, Release } from './release.ts'
import type { Subject } from './subjects.ts'
import type { PersonName } from './terms.ts'
import { dispute } from './transitions/index.ts'

/** `effect` is absent where the person had said so before. */
export type Disputed =
  | { readonly release: Release; readonly signOff: DisputedSignOff; readonly effect?: DisputeEffect }
  | Refused

export interface ReceiptService {
  /**
   * **That was not me**: makes the sign-off void, and stops its release as far as that can be stopped. Only its own person may,
   * also while Slack gives no answer about them: stopping is safe. Safe to repeat.
   */
  dispute(asked: {
    readonly signOff: Extract<Subject, { is: 'sign-off' }>
    /** Slack user id. */
    readonly by: string
    /** Slack's id of the delivery. */
    readonly key: string
  }): Promise<Disputed>
}

interface Ports {
  readonly store: Store
  /** The person, looked up in Slack now; the one who is `safeFor`, also where Slack gives no answer. */
  readonly personFor: (id: string, groups: readonly string[], safeFor?: PersonName) => Promise<Person | Refused>
}

export function createReceiptService({ store, personFor }: Ports): ReceiptService {
  return {
    async dispute({ signOff: { release: number, kind, person: signer, at }, by, key }) {
      if (by !== signer) {
        return { refused: { gate: 'not_allowed', action: 'say this about another person’s sign-off', who: [signer] } }
      }
      const known = await store.release(number)
      const isIt = (each: Release['signOffs'][number]) =>
        each.kind === kind && each.person.id === signer && each.at.toISOString() === at
      const given = [...(known?.signOffs ?? []), ...(known?.disputed ?? [])].find(isIt)
      if (known === undefined || given === undefined) return { refused: { gate: 'stale_button' } }
      const person = await personFor(by, [], given.person)
      if ('refused' in person) return person
      const effect = await store.transaction(async (tx) => {
        // Rows are locked in one order, the environment's first.
        await tx.lockEnvironment(known.app, known.environment)
        const release = await tx.lockRelease(number)
        const signOff = release?.signOffs.find(isIt)
        if (release === undefined || signOff === undefined) return undefined
        const right = person.isUnverified ? 'unverified' : 'the signer'
        return dispute(tx, release, signOff, { name: person.name, right, delivery: key })
      })
      const release = await store.release(number)
      const signOff = release?.disputed?.find(isIt)
      if (release === undefined || signOff === undefined) return { refused: { gate: 'stale_button' } }
      return { release, signOff, ...defined({ effect }) }
    },
  }
}

import { type Action, refusal } from '../../src/release/actions.ts'
import type { Person } from '../../src/release/policy.ts'
import type { Release } from '../../src/release/release.ts'
import type { Environment, SignOffRules } from '../../src/release/settings.ts'
import type { SignOffKind } from '../../src/release/terms.ts'
import { aMigration, anEnvironment, aRelease, aSignOff, at, SIGN_OFF } from '../support/builders.ts'

export const NOW = at('10:00')

export function person(
  id: string,
  groups: readonly string[] = [],
  email = `${id.toLowerCase()}@people.example`,
): Person {
  return { id, name: id, email, groups }
}

export const requester = person('U01DANA')
export const approver = person('UAPPROVER', ['@release-approvers'])
export const byId = person('UBYID')
export const qa = person('UQA', ['@qa'])
export const onCall = person('UONCALL', ['@on-call'])
export const dba = person('UDBA', ['@database'])
export const member = person('UMEMBER', ['@lunch'])
export const everything = person('UALL', ['@release-approvers', '@qa', '@on-call', '@database'])

export const RULES: SignOffRules = {
  ...SIGN_OFF,
  approvers: ['@release-approvers', 'UBYID'],
  qaBy: ['@qa'],
  emergencyBy: ['@on-call'],
}

export function production(rules: Partial<SignOffRules> = {}, more: Partial<Environment> = {}): Environment {
  return anEnvironment({
    signOff: { ...RULES, ...rules },
    migrations: [aMigration({ approvers: ['@database'] })],
    ...more,
  })
}

export function asks(
  action: Action,
  who: Person,
  release: Release = aRelease(),
  environment: Environment = production(),
  now = NOW,
) {
  return refusal({ action, environment, release, person: who, now })
}

export const gate = (...asked: Parameters<typeof asks>) => asks(...asked)?.gate ?? 'allowed'

export const word = (kind: SignOffKind, who: Person) => aSignOff(kind, { id: who.id, name: who.name })

export const ACTIONS: readonly Action[] = [
  'qa',
  'approval',
  'talked over',
  'rejection',
  'emergency',
  'cancel',
  'retry',
  'close',
  'plan again',
  'details',
]

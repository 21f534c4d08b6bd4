import type { App, Environment, SignOffRules } from '../../../src/release/settings.ts'
import type { PersonName } from '../../../src/release/terms.ts'
import type { Times } from '../../../src/worker/ports.ts'
import { anApp, anEnvironment, anIntegration, DANA, LIN, TOM } from '../builders.ts'
import { type Files, type Objects, revisionFiles } from './objects.ts'

export const NIA: PersonName = { id: 'U07NIA', name: 'Nia' }
export const PEOPLE: readonly PersonName[] = [DANA, LIN, TOM, NIA]
export const APPROVERS: readonly string[] = [TOM.id, NIA.id]
export const QA: readonly string[] = [LIN.id, NIA.id]

export interface Rules {
  readonly signOff?: Partial<SignOffRules>
  readonly production?: Partial<Environment>
  readonly integration?: Partial<Environment>
}

export function appOf({ signOff, production, integration }: Rules = {}): App {
  const rules: SignOffRules = {
    qa: 1,
    approvals: 1,
    approvers: ['@release-approvers'],
    qaBy: ['@qa'],
    emergencyBy: ['@release-approvers'],
    requireChecks: false,
    expiresAfterMs: 24 * 60 * 60_000,
    ...signOff,
  }
  return anApp({
    environments: [anIntegration(integration), anEnvironment({ signOff: rules, ...production })],
  })
}

/** Shorter where nothing decides by it, so that a simulated hour costs little. */
export const TIMES: Times = {
  pause: 2_000,
  poll: 6_000,
  plan: 5 * 60_000,
  look: 5 * 60_000,
  heads: 60_000,
  sweep: 30_000,
  afterwards: 2 * 60_000,
}

const WRITER = { name: 'Marek', email: 'marek@example.com' }
const INI = { 'alembic_users.ini': '[alembic]\nscript_location = migrations\n' }

export interface Repository {
  readonly branches: ReadonlyMap<string, string>
  /** What both environments run, and what master has on top of it. */
  readonly deployed: string
  readonly head: string
  /** A commit of no branch that anyone follows: a hot-fix for production, not on master. */
  readonly fix: string
}

let writes = 0

/** One more commit on top of another. */
export function writeOn(objects: Objects, parent: string, change: Files, message: string, at: string): string {
  writes += 1
  return objects.write({
    files: { ...objects.files(parent), ...change },
    parents: [parent],
    message: `${message} (${writes})`,
    author: WRITER,
    at,
  })
}

/** production is at the first commit, with revision r1; master has two more commits and revision r2. */
export function startRepository(objects: Objects, at: string): Repository {
  writes = 0
  const first = { ...INI, ...revisionFiles('r1'), 'api/search.py': 'one', 'api/alerts.py': 'one' }
  const deployed = objects.write({ files: first, parents: [], message: 'Begin', author: WRITER, at })
  const search = writeOn(objects, deployed, { 'api/search.py': 'two' }, 'Search faster', at)
  const head = writeOn(objects, search, revisionFiles('r2', 'r1'), 'Index alerts', at)
  const fix = writeOn(objects, deployed, { 'api/alerts.py': 'fixed' }, 'Fix alerts', at)
  const branches = new Map([
    ['master', head],
    ['production', deployed],
    ['fix/alerts', fix],
  ])
  return { branches, deployed, head, fix }
}

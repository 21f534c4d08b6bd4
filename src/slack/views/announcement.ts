/** The announcement that an environment is being changed now: a message of its own, before anything irreversible. */
import type { KnownBlock } from '@slack/types'
import type { Plan } from '../../release/plan.ts'
import { heldByChecks, type Owed, owed } from '../../release/policy.ts'
import { isEmergency, type Release, type SignOff } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { neededCounts } from '../../release/sign-off-counts.ts'
import type { ReleaseKind } from '../../release/terms.ts'
import { bold, type Drawn, quote, rich, richSection, section } from './parts/blocks.ts'
import {
  called,
  calledInFull,
  commitWords,
  destroysWords,
  migrationCount,
  place,
  pullRequest,
  signers,
  whatGoes,
  whoSigned,
  whoSignedSpoken,
} from './parts/facts.ts'
import type { People } from './parts/people.ts'
import { withNamesApart } from './parts/persons.ts'
import { goesAway, rollbackRisk } from './parts/rollback.ts'
import { capital, counted, defused, oneLine } from './parts/text.ts'
import { problemOf } from './problem.ts'
import { STATE_VIEWS } from './state/index.ts'

const MARKS: Readonly<Record<ReleaseKind, string>> = { deploy: 'mega', hotfix: 'adhesive_bandage', rollback: 'rewind' }

/** Names app, environment, number, requester, QA and approver; for an emergency the reason instead of what was skipped. */
export function announcement(stored: Release, { environment }: { readonly environment: Environment }): Drawn {
  const release = withNamesApart(stored)
  const emergency = release.signOffs.find(({ kind }) => kind === 'emergency')
  const without = isEmergency(release) ? withoutWhat(release, environment) : ''
  const mark = isEmergency(release) ? 'rotating_light' : MARKS[release.kind]
  const rollback = release.plan?.rollback
  const what =
    rollback === undefined
      ? `is changing ${place(release)}`
      : `is taking ${place(release)} back to #${rollback.to.number}`
  const changing = `${what} now${without}`
  const goes = release.plan === undefined ? '' : `: ${spokenGoes(release)}`
  const spokenReason =
    emergency === undefined
      ? ''
      : ` ${defused(emergency.person.name, 40)} says that this must go out now: ${defused(emergency.note ?? '', 300)}`
  return {
    text: `${calledInFull(release)} ${changing}${goes}.${spokenRisk(release)} ${capital(whoSignedSpoken(release))}.${spokenReason}`,
    blocks: [
      section([
        `:${mark}: *${called(release)} ${changing}*`,
        ...whatWent(release),
        ...riskLine(release),
        whoSigned(release, {}),
      ]),
      ...quotes(release),
    ],
  }
}

function spokenRisk({ plan }: Release): string {
  const risk = plan && riskWords(plan)
  return risk === undefined ? '' : ` ${defused(risk)}.`
}

/** What the migrations destroy; of a rollback, what the old code may miss. */
function riskWords(plan: Plan): string | undefined {
  if (plan.rollback === undefined) return destroysWords(plan)
  const risk = rollbackRisk(plan.rollback)
  return risk && capital(risk)
}

/** The same message once its release has ended: it no longer says that something is being changed now. */
export function announcementOfEnd(
  stored: Release,
  {
    services,
    ...facts
  }: Pick<People, 'services'> & { readonly environment: Environment; readonly owed: readonly Owed[] },
): Drawn {
  const release = withNamesApart(stored)
  const { text, emoji, inSentence } = STATE_VIEWS[release.state]
  const without = isEmergency(release) ? withoutWhat(release, facts.environment) : ''
  const how = `${called(release)} of ${place(release)} ${inSentence}${without}`
  return {
    text: text(release, { services, ...facts, problem: problemOf(release, { services }) }),
    blocks: [
      section([`:${emoji}: *${how}*`, ...whatWent(release), whoSigned(release, { mentionPeople: true })]),
      ...quotes(release),
    ],
  }
}

/** What people wrote: why it is an emergency, what was discussed, why a hot-fix can't wait. */
function quotes(release: Release): KnownBlock[] {
  const emergency = release.signOffs.find(({ kind }) => kind === 'emergency')
  return [
    ...(emergency === undefined
      ? []
      : [
          rich(
            richSection([bold(oneLine(emergency.person.name)), ' says that this must go out now:']),
            quote(emergency.note ?? ''),
          ),
        ]),
    ...talkedOver(release).map(({ person, note }) =>
      rich(
        richSection([
          bold(oneLine(person.name)),
          ` discussed ${release.kind === 'rollback' ? 'it' : 'the migrations'} with the team:`,
        ]),
        quote(note ?? ''),
      ),
    ),
    ...(release.reason === undefined
      ? []
      : [
          rich(
            richSection([release.kind === 'rollback' ? 'Why:' : 'This can’t wait for review:']),
            quote(release.reason),
          ),
        ]),
  ]
}

function talkedOver({ signOffs, fingerprint }: Release): readonly SignOff[] {
  return signOffs.filter((signOff) => signOff.kind === 'talked over' && signOff.fingerprint === fingerprint)
}

/** What the environment requires and is missing: `, without QA and approval`. */
function withoutWhat(release: Release, environment: Environment): string {
  const { approvals } = neededCounts(environment, release.kind)
  const owing = owed(environment, release)
  const missing = [
    ...(owing.some(({ kind }) => kind === 'qa') ? ['QA'] : []),
    ...(signers(release, 'approval').length < approvals ? ['approval'] : []),
    ...(owing.some(({ kind }) => kind === 'talked over') ? ['a discussion with the team'] : []),
    ...(heldByChecks(environment, release) === undefined ? [] : ['passed checks']),
  ]
  return missing.length === 0 ? '' : `, without ${listed(missing)}`
}

function listed(items: readonly string[]): string {
  return items.length < 3 ? items.join(' and ') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}

function spokenGoes(release: Release): string {
  if (release.plan === undefined) return ''
  if (release.plan.rollback !== undefined) return goesAway(release.plan)
  return release.kind === 'hotfix' ? commitWords(release, release.plan) : whatGoes(release.plan)
}

function whatWent(release: Release): string[] {
  const plan = release.plan
  if (plan === undefined) return []
  if (plan.rollback !== undefined) return [capital(commitWords(release, plan))]
  const migrations = migrationCount(plan)
  const goes = `${commitWords(release, plan)}, ${migrations === 0 ? 'no migrations' : counted(migrations, 'migration')}`
  return [[goes, ...pullRequest(plan)].join(' · ')]
}

function riskLine({ plan }: Release): string[] {
  const risk = plan && riskWords(plan)
  return risk === undefined ? [] : [`:warning: *${defused(risk)}*`]
}

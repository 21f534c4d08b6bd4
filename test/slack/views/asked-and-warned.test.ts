/** Who is notified when something is owed, and what is said before data is destroyed. */
import { describe, expect, it } from 'vitest'
import { fingerprint } from '../../../src/release/plan.ts'
import { owed } from '../../../src/release/policy.ts'
import type { Release } from '../../../src/release/release.ts'
import { announcement } from '../../../src/slack/views/announcement.ts'
import { questionOf } from '../../../src/slack/views/buttons.ts'
import { refusalMessage } from '../../../src/slack/views/refusal-message.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import {
  anEnvironment,
  aPlan,
  aRelease,
  aSignOff,
  DANA,
  LIN,
  MIGRATIONS,
  SERVICES,
  SIGN_OFF,
  SIGNED,
  sha,
  stepsUpTo,
  TOM,
} from '../../support/builders.ts'
import { read } from './read.ts'

const GROUPS = { '@release-approvers': 'S01REL' }

function reminded(release: Release, approvers: readonly string[], since: 'card' | 'emergency' = 'card'): string {
  const environment = anEnvironment({ signOff: { ...SIGN_OFF, approvers } })
  const owing = owed(environment, release)
  const facts = { services: SERVICES, groupIds: GROUPS, environment, owed: owing }
  return read(threadLine({ is: 'reminder', since, owed: owing }, release, facts))
}

describe('S20: the reminder', () => {
  const release = aRelease({ signOffs: [aSignOff('qa', LIN)] })

  it('S20: mentions the group that owes an approval', () => {
    expect(reminded(release, ['@release-approvers'])).toContain('<!subteam^S01REL>')
  })

  it('S20: mentions people by id, but not the requester, who can’t approve', () => {
    const words = reminded(release, [TOM.id, DANA.id])
    expect(words).toContain(`<@${TOM.id}>`)
    expect(words).not.toContain(`<@${DANA.id}>`)
  })

  it('S20: mentions nobody where every full member may', () => {
    const waiting = aRelease({ signOffs: [aSignOff('approval', TOM)] })
    expect(reminded(waiting, [TOM.id])).not.toMatch(/<[@!]/)
  })

  it('S20: so does that of an emergency, without who declared it', () => {
    const emergency = aRelease({ state: 'succeeded', signOffs: [aSignOff('emergency', TOM, { note: 'it burns' })] })
    const words = reminded(emergency, [TOM.id, LIN.id], 'emergency')
    expect(words).toContain(`<@${LIN.id}>`)
    expect(words).not.toContain(`<@${TOM.id}>`)
  })
})

describe('S21: needs attention', () => {
  const release = aRelease({
    state: 'needs attention',
    signOffs: SIGNED,
    steps: stepsUpTo('push'),
    problem: { step: 'push', because: { gate: 'push_unknown', remote: 'heroku-production', commit: sha('c0ffee1') } },
  })
  const outcomeFor = (approvers: readonly string[] | undefined) => {
    const signOff = { ...SIGN_OFF, ...(approvers === undefined ? {} : { approvers }) }
    const { approvers: _, ...anybody } = signOff
    const environment = anEnvironment({ signOff: approvers === undefined ? anybody : signOff })
    const facts = { services: SERVICES, groupIds: GROUPS, environment, owed: [] }
    return read(threadLine({ is: 'outcome', events: 3, head: 'abc' }, release, facts))
  }

  it('S21: mentions the requester and those who can press Retry and Close', () => {
    const words = outcomeFor(['@release-approvers', TOM.id])
    expect(words).toContain(`*Retry* and *Close*: <!subteam^S01REL> or <@${TOM.id}>`)
    expect(words).toContain(`Requested by <@${DANA.id}>`)
  })

  it('S21: mentions no others where everybody may', () => {
    expect(outcomeFor(undefined)).toContain('*Retry* and *Close*: any full member')
  })

  it('S21: a success mentions the requester alone', () => {
    const done = aRelease({ state: 'succeeded', signOffs: SIGNED, steps: stepsUpTo('report') })
    const facts = { services: SERVICES, groupIds: GROUPS, environment: anEnvironment(), owed: [] }
    const words = read(threadLine({ is: 'outcome', events: 3, head: 'abc' }, done, facts))
    expect(words).not.toContain('<!subteam')
  })
})

describe('S23: a release that destroys data', () => {
  const finding = (risk: 'destroys' | 'adds', what: string) => ({ risk, what, why: 'it is gone for good' })
  const [adds, drops] = MIGRATIONS
  if (adds === undefined || drops === undefined) throw new Error('no migrations')
  const destroying = {
    ...drops,
    findings: [finding('destroys', 'drops column users.email'), finding('adds', 'adds column x')],
  }
  const release = (migrations: readonly (typeof adds)[]) =>
    aRelease({
      plan: aPlan({ migrations }),
      signOffs: [aSignOff('qa', LIN, { fingerprint: fingerprint(aPlan({ migrations })) })],
    })
  const question = (of: Release) => {
    const environment = anEnvironment({ signOff: { ...SIGN_OFF, approvals: 1 } })
    return questionOf('approval', of, { environment, owed: owed(environment, of) })
  }

  it('S23: the dialog before the last sign-off names what is destroyed, in red', () => {
    const asked = question(release([destroying]))
    expect(asked?.style).toBe('danger')
    expect(asked?.text.text).toContain('This starts #12 on production now. Destroys data: drops column users.email.')
  })

  it('S23: so does the announcement, in its text too', () => {
    const drawn = announcement(release([destroying]), { environment: anEnvironment() })
    expect(drawn.text).toContain('Destroys data: drops column users.email.')
    expect(read(drawn)).toContain(':warning: *Destroys data: drops column users.email*')
  })

  it('S23: a migration without findings is named by its title', () => {
    expect(question(release([drops]))?.text.text).toContain(
      'Destroys data: migration b7d20c31, drop savedˍsearches'.replace('ˍ', '_'),
    )
  })

  it('S23: many are counted, and within Slack’s limits', () => {
    const findings = Array.from({ length: 9 }, (_, nth) =>
      finding('destroys', `drops table a_table_with_quite_a_long_name_${nth}`),
    )
    const asked = question(release([{ ...drops, findings }]))
    expect(asked?.text.text.length).toBeLessThanOrEqual(300)
    expect(asked?.text.text).toContain('and 6 more')
  })

  it('S23: one that only adds is asked as before', () => {
    const asked = question(release([adds]))
    expect(asked?.style).toBeUndefined()
    expect(asked?.text.text).not.toContain('Destroys')
  })
})

describe('S24: the bot’s own name', () => {
  it.each(['not a member', 'archived', 'gone', 'Slack did not answer'] as const)('S24: how to invite it: %s', (why) => {
    const refusal = { gate: 'channel_unreachable', channel: '#product', why } as const
    expect(read(refusalMessage(refusal, { services: SERVICES, botName: 'relbot' }))).toContain('/invite @relbot')
  })
})

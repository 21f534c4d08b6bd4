/** `sign_off` of an environment: who must agree before a release starts. */
import { z } from 'zod'
import { count, duration, durationMessage, people } from './shapes.ts'

const A_YEAR_MS = 366 * 86_400_000

const rollback = z.strictObject({
  qa: count.default(0).meta({ description: 'How many people must confirm QA', examples: [0] }),
  approvals: count
    .default(1)
    .meta({ description: 'How many people other than the requester must approve', examples: [1] }),
})

const signOff = z.strictObject({
  qa: z
    .union([count, z.literal('each change')], { error: 'must be a whole number from 0 to 20, or each change' })
    .default(1)
    .meta({
      description: 'How many people must confirm QA; each change: QA for every change',
      examples: [1, 'each change'],
    }),
  approvals: count
    .default(1)
    .meta({ description: 'How many people other than the requester must approve', examples: [1] }),
  approvers: people.optional().meta({
    description: 'Who may approve: user groups ("@handle") and Slack user ids; default: every full member',
    examples: [['@release-approvers', 'U012AB3CD']],
  }),
  qa_by: people.optional().meta({
    description: 'Who may confirm QA: user groups ("@handle") and Slack user ids; default: every full member',
    examples: [['@qa']],
  }),
  emergency_by: people.optional().meta({
    description: 'Who may say "must go out now": user groups ("@handle") and Slack user ids; default: the approvers',
    examples: [['@release-approvers']],
  }),
  rollback: rollback
    .prefault({})
    .meta({ description: 'The sign-offs that a rollback needs instead', examples: [{ qa: 0, approvals: 1 }] }),
  require_checks: z
    .boolean()
    .default(false)
    .meta({ description: 'true: refuse a release whose build statuses are not successful', examples: [true] }),
  expires_after: duration((ms) => ms > 0 && ms <= A_YEAR_MS, `${durationMessage}, at most 366d`)
    .default('24h')
    .meta({ description: 'How long a release waits for its sign-offs', examples: ['24h', '3d'] }),
  receipts: z
    .boolean()
    .default(false)
    .meta({
      description: 'true: each person gets a direct message after their sign-off, with That was not me',
      examples: [true],
    }),
})

export const signOffSchema = z
  .union([z.literal('none'), signOff], { error: 'must be none, or keys and their values' })
  .default('none')
  .meta({
    description: 'Who must agree before a release starts; none: nobody',
    examples: ['none', { qa: 1, approvals: 1, approvers: ['@release-approvers'] }],
  })

export type SignOffEntry = z.output<typeof signOffSchema>

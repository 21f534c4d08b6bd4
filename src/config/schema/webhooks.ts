/** `webhooks`: who is told of releases by a signed request. */
import { z } from 'zod'
import { list, text, webUrl } from './shapes.ts'

const EVENTS = [
  'release.requested',
  'release.planned',
  'release.signed',
  'release.scheduled',
  'release.approved',
  'release.started',
  'release.needs_attention',
  'release.succeeded',
  'release.failed',
  'release.refused',
  'release.rejected',
  'release.cancelled',
  'release.expired',
  'release.outdated',
  'release.closed',
  'release.marked',
  'lock.set',
  'lock.taken_over',
  'lock.ended',
] as const

const variable = text(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'must be the name of an environment variable, not its value')

const twoVariables = z
  .array(variable)
  .refine((names) => names.length === 2 && new Set(names).size === 2, 'must be two different variables: [NEW, OLD]')

const webhook = z.strictObject({
  url: webUrl.meta({
    description: 'Where to: https; http for this machine only',
    examples: ['https://hooks.example.com/signoff'],
  }),
  secret_env: z
    .union([variable, twoVariables], { error: 'must be the name of an environment variable, or two: [NEW, OLD]' })
    .meta({
      description: 'The environment variable of the bot that holds the secret; two, to change it: signed with both',
      examples: ['RELEASE_HOOK_SECRET', ['NEW_HOOK_SECRET', 'OLD_HOOK_SECRET']],
    }),
  events: list(z.enum(EVENTS), {
    empty: 'is an empty list, so that nothing is sent; leave it out where everything is',
    twice: 'names an event twice',
  })
    .optional()
    .meta({ description: 'What is told; left out: everything', examples: [['release.succeeded', 'release.failed']] }),
})

export const webhooksSchema = z
  .array(webhook)
  .default([])
  .meta({
    description: 'Who is told of releases, by signed requests (Standard Webhooks)',
    examples: [[{ url: 'https://hooks.example.com/signoff', secret_env: 'RELEASE_HOOK_SECRET' }]],
  })

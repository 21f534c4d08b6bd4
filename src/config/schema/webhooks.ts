/** `webhooks`: URLs that receive signed requests about releases. */
import { z } from 'zod'
import { WEBHOOK_TYPES } from '../../release/webhooks.ts'
import { list, text, webUrl } from './shapes.ts'

const variable = text(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'must be the name of an environment variable, not its value')

const twoVariables = z
  .array(variable)
  .refine((names) => names.length === 2 && new Set(names).size === 2, 'must be two different variables: [NEW, OLD]')

export const webhookSchema = z.strictObject({
  url: webUrl.meta({
    description: 'The URL: https; http only for this machine',
    examples: ['https://hooks.example.com/signoff'],
  }),
  secret_env: z
    .union([variable, twoVariables], { error: 'must be the name of an environment variable, or two: [NEW, OLD]' })
    .meta({
      description:
        'The environment variable of the bot with the secret; two, to rotate it: requests are signed with both',
      examples: ['RELEASE_HOOK_SECRET', ['NEW_HOOK_SECRET', 'OLD_HOOK_SECRET']],
    }),
  events: list(z.enum(WEBHOOK_TYPES), {
    empty: 'is an empty list, which sends nothing; remove the key to send everything',
    twice: 'names an event twice',
  })
    .optional()
    .meta({ description: 'Which events are sent; default: all', examples: [['release.succeeded', 'release.failed']] }),
})

export const webhooksSchema = z
  .array(webhookSchema)
  .default([])
  .meta({
    description: 'URLs that receive signed requests about releases (Standard Webhooks)',
    examples: [[{ url: 'https://hooks.example.com/signoff', secret_env: 'RELEASE_HOOK_SECRET' }]],
  })

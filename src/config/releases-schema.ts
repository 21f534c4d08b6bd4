/** The schema of `releases.yml`, the single source of its checks, of its JSON Schema for editors, and of its types. */
import { z } from 'zod'
import { NEWER_RESERVED_WORDS, RESERVED_WORDS } from '../release/command.ts'
import { COMMIT_PATTERN } from '../release/typed-words.ts'
import { freezesSchema, timeZoneSchema } from './schema/calendar.ts'
import { environmentSchema } from './schema/environment.ts'
import { gitUrl, text } from './schema/shapes.ts'
import { webhooksSchema } from './schema/webhooks.ts'
import { workerGroupsSchema } from './schema/worker-groups.ts'

/** A name of an app or environment. People type it in commands, so it must not look like a command or a commit. */
function nameOf(what: 'app' | 'environment', newlyReserved: string) {
  const isOneOf = (words: readonly string[], value: string) => words.includes(value)
  return text(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and -, beginning with a letter')
    .refine((value) => !isOneOf(RESERVED_WORDS, value), 'is a reserved word of the commands')
    .refine((value) => !isOneOf(NEWER_RESERVED_WORDS[what], value), newlyReserved)
    .refine((value) => !COMMIT_PATTERN.test(value), 'looks like a commit (4 to 40 hex digits)')
}

export const appNameSchema = nameOf('app', 'is now a command of /deploy: give the app another name')
const environmentName = nameOf('environment', 'is now a word of /deploy lock: give the environment another name')

/** Examples that editors show. */
const ENVIRONMENT = {
  branch: 'master',
  remote: { name: 'heroku-integration', url: 'https://git.heroku.com/api-integration.git' },
  channel: '#product',
}
const APP = { repository: 'jurispect/jurispect_api', environments: { integration: ENVIRONMENT } }

export const appSchema = z.strictObject({
  repository: text(
    /^(?!\.{1,2}\/)[A-Za-z0-9_.-]+\/(?!\.{1,2}$)[A-Za-z0-9_.-]+$/,
    'must be a Bitbucket repository, written workspace/slug',
  ).meta({ description: 'The Bitbucket repository, written workspace/slug', examples: ['jurispect/jurispect_api'] }),
  git_url: gitUrl.optional().meta({
    description: 'The git URL to fetch from; default: the repository at bitbucket.org',
    examples: ['https://bitbucket.org/jurispect/jurispect_api.git'],
  }),
  environments: z
    .record(
      environmentName,
      environmentSchema.meta({ description: 'An environment, by the name that people type', examples: [ENVIRONMENT] }),
    )
    .refine((all) => Object.keys(all).length > 0, 'needs an environment')
    .meta({ description: "The app's environments, by name", examples: [{ integration: ENVIRONMENT }] }),
})

export const releasesSchema = z.strictObject({
  slack: z
    .strictObject({
      progress: z
        .enum(['lines', 'plan'])
        .default('lines')
        .meta({ description: 'How a running card shows its steps', examples: ['lines', 'plan'] }),
      direct_messages: z
        .boolean()
        .default(true)
        .meta({
          description: 'Whether people get reminders, outcomes and receipts as direct messages',
          examples: [false],
        }),
    })
    .prefault({})
    .meta({ description: 'How Signoff behaves in Slack', examples: [{ progress: 'plan' }] }),
  time_zone: timeZoneSchema,
  freezes: freezesSchema,
  webhooks: webhooksSchema,
  workers: workerGroupsSchema,
  apps: z
    .record(appNameSchema, appSchema.meta({ description: 'An app, by the name that people type', examples: [APP] }))
    .refine((all) => Object.keys(all).length > 0, 'needs an app')
    .meta({ description: 'The apps, by name: repositories with their environments', examples: [{ api: APP }] }),
})

export type AppEntry = z.output<typeof appSchema>

/** A name, not a place: the schema is wherever `signoff config schema` was written to. */
const SCHEMA_ID = 'urn:signoff:releases.yml'

/** The JSON Schema (draft 2020-12) of `releases.yml`, for editors. */
export function releasesJsonSchema(): Record<string, unknown> {
  const about = { $id: SCHEMA_ID, title: 'releases.yml of Signoff' }
  jsonSchema ??= { ...z.toJSONSchema(releasesSchema, { io: 'input' }), ...about }
  return jsonSchema
}

let jsonSchema: Record<string, unknown> | undefined

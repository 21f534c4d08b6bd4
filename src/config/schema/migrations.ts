/** `migrations` of an environment: one entry, or a list whose entries run in order. */
import { z } from 'zod'
import { duration, durationMessage, isPathInRepository, people, text } from './shapes.ts'

/** The maximum of Postgres's timeouts. */
const MAX_MILLISECONDS = 2_147_483_647

const limitMessage = `${durationMessage}, at most 24d, or 0 for none`
const limit = z.union([z.literal(0), duration((ms) => ms <= MAX_MILLISECONDS, limitMessage)], { error: limitMessage })

const risk = z.enum(['adds', 'locks', 'destroys', 'unknown'])

const absolutePath = text(/^(\/[^/\p{C}]+)+$/u, 'must be an absolute path, such as /srv/venvs/api').refine(
  (value) => !value.split('/').some((part) => part === '.' || part === '..'),
  'must be an absolute path without . and ..',
)

export const migrationSchema = z.strictObject({
  name: text(/^[a-z][a-z0-9_-]{0,62}$/, 'must be lower-case letters, digits, _ and -, beginning with a letter')
    .optional()
    .meta({ description: 'What people call this database. Needed in a list', examples: ['users'] }),
  config: z
    .string()
    .refine(isPathInRepository, 'must be a path inside the repository, such as alembic.ini')
    .meta({
      description: "The alembic configuration: a path from where alembic runs, or from the repository's root",
      examples: ['alembic.ini', 'pyproject.toml'],
    }),
  env_file: text(/^[^\p{C}]+$/u, 'must be a path')
    .optional()
    .meta({
      description: 'Path relative to this file. The migration gets these variables and no others',
      examples: ['.env_production'],
    }),
  directory: z
    .string()
    .refine((value) => value === '.' || isPathInRepository(value), 'must be a path inside the repository, or .')
    .default('.')
    .meta({ description: "Where alembic runs, inside the app's repository; default its root", examples: ['backend'] }),
  tool: z
    .enum(['alembic', 'flask'])
    .default('alembic')
    .meta({ description: 'flask: Flask-Migrate, with FLASK_APP in the env file', examples: ['alembic', 'flask'] }),
  alembic: text(/^[^\s\p{C}-][^\p{C}]*$/u, 'must be a program: a name or a path')
    .default('alembic')
    .meta({
      description: 'The alembic program: a name on PATH, or a path',
      examples: ['alembic', '/srv/venvs/api/bin/alembic'],
    }),
  isolation: z
    .enum(['auto', 'required', 'off'])
    .default('auto')
    .meta({
      description:
        "How the app's code is isolated from the host. auto: as far as the host supports it; required: otherwise refuse",
      examples: ['auto', 'required', 'off'],
    }),
  readable: z
    .array(absolutePath)
    .refine((paths) => new Set(paths).size === paths.length, 'names a path twice')
    .default([])
    .meta({
      description: "Absolute paths that the app's code may read, in addition to the system and its own Python",
      examples: [['/srv/venvs/api']],
    }),
  lock_timeout: limit
    .default('10s')
    .meta({ description: 'How long a migration may wait for a lock; 0: no limit', examples: ['10s', 0] }),
  statement_timeout: limit
    .default(0)
    .meta({ description: 'How long one statement may take; 0: no limit', examples: ['30min', 0] }),
  talk_it_over: z
    .array(risk)
    .refine((kinds) => new Set(kinds).size === kinds.length, 'lists a kind twice')
    .optional()
    .meta({
      description: 'Kinds of migrations that need Talked over; default: destroys and unknown where there is a sign_off',
      examples: [['destroys', 'unknown'], []],
    }),
  approvers: people.optional().meta({
    description: 'Who may press Talked over: user groups ("@handle") and Slack user ids; default: the approvers',
    examples: [['@database']],
  }),
})

export const migrationsSchema = z
  .union(
    [z.array(migrationSchema).min(1, 'is an empty list; remove the key when there are no migrations'), migrationSchema],
    {
      error: 'must be keys and their values, or a list of them',
    },
  )
  .meta({
    description: 'The database migrations that run before the code is deployed: one entry, or a list in its order',
    examples: [{ config: 'alembic.ini', env_file: '.env_production' }],
  })

export type MigrationEntry = z.output<typeof migrationSchema>

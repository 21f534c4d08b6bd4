/** An environment of an app. */
import { z } from 'zod'
import { migrationsSchema } from './migrations.ts'
import { branch, gitUrl, text, webUrl } from './shapes.ts'
import { signOffSchema } from './sign-off.ts'

export const remoteSchema = z.strictObject({
  name: text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be the name of a git remote, such as heroku-production').meta({
    description: "The remote's name in the team's words",
    examples: ['heroku-production'],
  }),
  url: gitUrl.meta({
    description: 'The git URL to deploy to: https; http and paths only for this machine',
    examples: ['https://git.heroku.com/api-production.git'],
  }),
  branch: branch.default('master').meta({ description: 'The branch on the remote', examples: ['master'] }),
  platform: z
    .enum(['heroku', 'git'])
    .optional()
    .meta({ description: 'Left out: heroku on git.heroku.com, else git', examples: ['heroku', 'git'] }),
  app: text(/^[a-z][a-z0-9-]{1,62}$/, 'must be the name of a Heroku app')
    .optional()
    .meta({ description: 'The Heroku app; default: from the URL', examples: ['api-production'] }),
  health: webUrl.optional().meta({
    description: 'Must answer 2xx within 2 minutes of the release; otherwise the outcome shows a warning',
    examples: ['https://api.example.com/health'],
  }),
})

export const environmentSchema = z.strictObject({
  branch: branch.meta({ description: 'The branch that this environment follows', examples: ['production'] }),
  deploys: z
    .enum(['on request', 'automatically', 'after checks'])
    .default('on request')
    .meta({
      description:
        'When it is deployed. automatically: each new commit; after checks: each new commit whose builds have passed',
      examples: ['on request', 'automatically', 'after checks'],
    }),
  promotes: z
    .string()
    .optional()
    .meta({
      description: "The environment of the same app whose branch is merged into this one's",
      examples: ['integration'],
    }),
  order: z
    .enum(['off', 'shown', 'required'])
    .optional()
    .meta({
      description:
        'Whether commits must be proven on the promoted environment first; default: shown. Only with promotes',
      examples: ['shown', 'required', 'off'],
    }),
  pull_request: z
    .enum(['branch', 'pinned'])
    .default('branch')
    .meta({ description: 'What the pull request is opened from', examples: ['branch', 'pinned'] }),
  hotfix: z
    .enum(['auto', 'push', 'pull_request'])
    .default('auto')
    .meta({
      description: 'How the commits of a hot-fix reach the branch; auto: depends on the visible branch permissions',
      examples: ['auto', 'push', 'pull_request'],
    }),
  remote: remoteSchema.meta({
    description: 'The git remote that the environment is deployed to',
    examples: [{ name: 'heroku-production', url: 'https://git.heroku.com/api-production.git' }],
  }),
  migrations: migrationsSchema.optional(),
  channel: text(
    /^(#[^\s\p{C}\p{Lu}#@,.:;<>&|"']{1,80}|[CG][A-Z0-9]{1,20})$/u,
    'must be a channel in quotes, such as "#product", or a channel id, such as C012AB3CD',
  ).meta({
    description: 'Where its releases are posted: the #name of a public channel in quotes, or a channel id',
    examples: ['#product', 'C012AB3CD'],
  }),
  announce: z
    .enum(['required', 'off'])
    .default('off')
    .meta({ description: 'Whether the release must be announced in the channel first', examples: ['required', 'off'] }),
  sign_off: signOffSchema,
})

export type EnvironmentEntry = z.output<typeof environmentSchema>
export type RemoteEntry = z.output<typeof remoteSchema>

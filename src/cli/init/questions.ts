/** What `signoff init` asks, what it proposes, and which answers it takes. No I/O. */
import type { z } from 'zod'
import { herokuAppOf, isHerokuGitUrl } from '../../config/addresses.ts'
import { appNameSchema, appSchema } from '../../config/releases-schema.ts'
import { environmentSchema, remoteSchema } from '../../config/schema/environment.ts'
import { migrationSchema } from '../../config/schema/migrations.ts'
import { branch, gitUrl, people } from '../../config/schema/shapes.ts'
import type { Checkout, HerokuRemote, MigrationFile } from './checkout.ts'

/** The options of the command that answer questions, by question. */
export type QuestionName =
  | 'repository'
  | 'app'
  | 'integration'
  | 'integrationBranch'
  | 'production'
  | 'productionBranch'
  | 'alembic'
  | 'channel'
  | 'approvers'

/** As they were typed; a list is separated by spaces. */
export type Answers = Readonly<Record<QuestionName, string>>

export interface Question {
  readonly name: QuestionName
  /** What a person reads before the proposal. */
  readonly asks: string
  /** The option that answers it. */
  readonly option: string
  /** From the checkout and from what was answered before; undefined: there is nothing to propose. */
  readonly proposal: (checkout: Checkout | undefined, answered: Partial<Answers>) => string | undefined
  /** Why an answer can't be taken, as a phrase that follows it; undefined: it can. */
  readonly problem: (answer: string) => string | undefined
}

/** Typed for nothing: no integration, no migrations. */
export const NONE = '-'
export const EVERYBODY = 'everybody'

export const wordsIn = (answer: string): readonly string[] => answer.split(/[\s,]+/).filter((word) => word !== '')

function problemBy(schema: z.ZodType): (answer: unknown) => string | undefined {
  return (answer) => schema.safeParse(answer).error?.issues[0]?.message
}

const orNone =
  (problem: Question['problem']): Question['problem'] =>
  (answer) =>
    answer === NONE ? undefined : problem(answer)

/** A Heroku app, or the URL of a git remote. */
function remoteProblem(answer: string): string | undefined {
  if (isUrl(answer)) return problemBy(gitUrl)(answer)
  return problemBy(remoteSchema.shape.app)(answer)
}

export const isUrl = (answer: string): boolean => answer.includes('/')

/** The Heroku app of an answer; undefined: it is a plain git remote. */
export function appOfRemote(answer: string): string | undefined {
  if (!isUrl(answer)) return answer
  return isHerokuGitUrl(answer) ? herokuAppOf(answer) : undefined
}

const PRODUCTION = /prod|live/i

function appFor(checkout: Checkout | undefined, isWanted: (remote: HerokuRemote) => boolean): string | undefined {
  return checkout?.herokuRemotes.find(isWanted)?.app
}
const isProduction = ({ name, app }: HerokuRemote) => PRODUCTION.test(name) || PRODUCTION.test(app)

function firstOf(checkout: Checkout | undefined, names: readonly string[], other: string): string | undefined {
  if (checkout === undefined) return other
  return names.find((name) => checkout.branches.includes(name))
}

/** As the answer to `alembic` has it: `backend/alembic.ini`. */
export function pathOf({ config, directory }: MigrationFile): string {
  return directory === '.' ? config : `${directory}/${config}`
}

export const QUESTIONS: readonly Question[] = [
  {
    name: 'repository',
    asks: 'Repository at Bitbucket, as workspace/name',
    option: '--repository',
    proposal: (checkout) => checkout?.repository,
    problem: problemBy(appSchema.shape.repository),
  },
  {
    name: 'app',
    asks: 'What people call the app in Slack',
    option: '--app',
    proposal: (_, { repository = '' }) => nameFrom(repository),
    problem: problemBy(appNameSchema),
  },
  {
    name: 'integration',
    asks: `Heroku app of integration, or the URL of its git remote; ${NONE} if there is none`,
    option: '--integration',
    proposal: (checkout) => appFor(checkout, (remote) => !isProduction(remote)) ?? (checkout && NONE),
    problem: orNone(remoteProblem),
  },
  {
    name: 'integrationBranch',
    asks: 'Branch that integration follows',
    option: '--integration-branch',
    proposal: (checkout) => firstOf(checkout, ['master', 'main', 'develop'], 'master'),
    problem: problemBy(branch),
  },
  {
    name: 'production',
    asks: 'Heroku app of production, or the URL of its git remote',
    option: '--production',
    proposal: (checkout) => appFor(checkout, isProduction),
    problem: remoteProblem,
  },
  {
    name: 'productionBranch',
    asks: 'Branch that production follows',
    option: '--production-branch',
    proposal: (checkout, { integration, integrationBranch }) =>
      firstOf(checkout, ['production', 'release', 'prod', 'live'], 'production') ??
      (integration === NONE ? firstOf(checkout, ['master', 'main'], 'master') : integrationBranch),
    problem: problemBy(branch),
  },
  {
    name: 'alembic',
    asks: `Configuration files of its migrations, with spaces between them; ${NONE} if it has none`,
    option: '--alembic',
    proposal: (checkout) => {
      if (checkout === undefined) return undefined
      return checkout.migrations.length === 0 ? NONE : checkout.migrations.map(pathOf).join(' ')
    },
    problem: orNone((answer) => {
      const paths = wordsIn(answer)
      if (new Set(paths).size !== paths.length) return 'names a file twice'
      return paths.map(problemBy(migrationSchema.shape.config)).find((problem) => problem !== undefined)
    }),
  },
  {
    name: 'channel',
    asks: 'Channel in which releases are shown and signed',
    option: '--channel',
    proposal: () => '#product',
    problem: problemBy(environmentSchema.shape.channel),
  },
  {
    name: 'approvers',
    asks: `Who may approve production: user groups (@release-approvers) and user ids, or ${EVERYBODY}`,
    option: '--approvers',
    proposal: () => EVERYBODY,
    problem: (answer) => (answer === EVERYBODY ? undefined : problemBy(people)(wordsIn(answer))),
  },
]

/** `jurispect_api` becomes `jurispect-api`; undefined if nothing of it can be a name. */
function nameFrom(repository: string): string | undefined {
  const name = (repository.split('/')[1] ?? '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
  return problemBy(appNameSchema)(name) === undefined ? name : undefined
}

/** A question that needs no answer, because of another answer. */
export function isAsked(question: QuestionName, answered: Partial<Answers>): boolean {
  return question !== 'integrationBranch' || answered.integration !== NONE
}

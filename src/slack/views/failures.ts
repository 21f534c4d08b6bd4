/** The message of a step that stopped: what happened, and how to check or fix it. One entry for each gate. */
import type { PlatformWords } from '../../release/ports/platform.ts'
import type { Failure, Problem } from '../../release/refusals.ts'
import { BY_PULL_REQUEST } from './hotfix-refusals.ts'
import { bold, code, commitLink, type Line } from './parts/blocks.ts'
import { databaseStands } from './parts/current-state.ts'
import { capital, counted, eight, short } from './parts/text.ts'
import { displayName, type Hints, type ProblemWords, platformWords, quoteOutput } from './parts/words.ts'
import { refusalWords } from './refusals.ts'

type FailureGate = Failure['gate']
type ByGate = { [G in FailureGate]: Extract<Failure, { gate: G }> }

const listedNames = (names: readonly string[]) =>
  `${names.slice(0, 5).map(displayName).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`

const called = (name: string | undefined) => (name === undefined ? 'database' : `${name} database`)

const FIX_CODE = 'A fix in the code needs a new plan.'

/**
 * The line that tells the cause. Failures that were stored before it was picked at the push have the platform's closing words
 * or none: then it is picked from the lines that were kept.
 */
function causeOf({ line, output }: ByGate['build_failed'], words: PlatformWords): string | undefined {
  const isPicked = line !== undefined && !/^Push (?:rejected|failed)\b/.test(line)
  if (isPicked) return line
  const read = words.readRejection?.(output).line ?? output.findLast((each) => /\p{L}/u.test(each))
  return read ?? line
}

const WORDS: { readonly [G in FailureGate]: (failure: ByGate[G], hints: Hints) => ProblemWords } = {
  merge_refused: ({ detail, byRules, pullRequest }, { services: { forge } }) => ({
    why: `${forge.name} refused the merge${byRules === true ? ' because its rules are not met' : ''}`,
    ...quoteOutput(detail),
    next: [
      byRules === true
        ? [`PR #${pullRequest ?? ''} stays open. Meet the rules at ${forge.name}, then press `, bold('Retry'), '.']
        : ['Check the pull request for branch rules, missing approvals or failed builds.'],
    ],
  }),
  merge_unknown: ({ pullRequest }, { services: { forge } }) => ({
    why: `${forge.name} did not confirm that pull request #${pullRequest} was merged`,
    next: [],
    unknown: { question: 'was the pull request merged?', what: `whether pull request #${pullRequest} is merged` },
  }),
  merge_unexpected: ({ expected, found }) => ({
    why: 'the merge differs from what was signed',
    next: [
      ['Expected: ', code(expected)],
      ['Found: ', code(found)],
      ['None of it was deployed. Find out who else merged, then plan again to release what the branch has now.'],
    ],
  }),
  pick_refused: ({ branch, line, output }, { services: { forge } }) => ({
    why: `origin refused the push to ${displayName(branch)}`,
    ...quoteOutput(line),
    output,
    next: [
      [`Allow the token’s user to push to that branch under ${forge.branchRules}, then plan again.`],
      BY_PULL_REQUEST,
    ],
  }),
  pick_unknown: ({ branch, commit }) => ({
    why: 'the push was interrupted, and origin does not show it',
    next: [],
    unknown: {
      question: 'did the pick arrive?',
      what: `whether ${displayName(branch)} at origin has ${short(commit)}`,
      look: `git ls-remote origin ${displayName(branch)}`,
    },
  }),
  unexpected_diff: ({ detail }) => ({
    why: 'what would be deployed differs from what was signed',
    ...quoteOutput(detail),
    next: [['Someone moved a branch or the remote during the run. Check both before you deploy.']],
  }),
  migration_failed: (failure, { services: { migrator } }) => {
    const { name, others = [], revision, database, applied, pending, partly, line, output } = failure
    const of = name === undefined ? '' : ` of the ${name} database`
    return {
      why:
        revision === undefined
          ? `${migrator.name} failed${name === undefined ? '' : ` on the ${name} database`}`
          : `revision ${eight(revision)}${of} failed`,
      ...quoteOutput(line),
      output,
      stands: [
        database.length === 0
          ? `The ${called(name)} has no revision`
          : `The ${called(name)} is at ${database.slice(0, 3).map(eight).join(', ')}`,
        `; ${applied.length} of ${counted(applied.length + pending.length, 'migration')} applied.`,
      ],
      list: [
        ['Applied: ', listed(applied)],
        ['Not applied: ', listed(pending)],
        ...others.map((other): Line => [`${capital(databaseStands(other))}.`]),
        ...(partly === undefined
          ? []
          : [
              [
                bold(`Parts of ${eight(partly)} may be applied`),
                ': the migration does not run in one transaction. Check the database before you press Retry.',
              ],
            ]),
        ['Pushed: nothing'],
      ],
      next: [[FIX_CODE]],
    }
  },
  migration_unknown: ({ detail, output }, { services: { migrator } }) => ({
    why: `${migrator.name} was interrupted, and the database’s revision could not be read`,
    ...quoteOutput(detail),
    output,
    next: [],
    unknown: {
      question: 'which migrations were applied?',
      what: 'which migrations were applied; the database may still be running one',
      look: migrator.lookAtRevision,
    },
  }),
  invalid_indexes: ({ indexes, name }) => {
    const many = indexes.length > 1
    return {
      why: `the migration left ${many ? `${indexes.length} invalid indexes` : `the index ${displayName(indexes[0] ?? '')} invalid`}`,
      stands: [`All migrations are applied, but Postgres does not use ${many ? 'these indexes' : 'this index'}.`],
      list: [
        ['Invalid: ', listedNames(indexes)],
        ...(name === undefined ? [] : [[`Database: ${name}`]]),
        ['Pushed: nothing'],
      ],
      next: [
        [
          'A unique index that is invalid does not keep duplicates out. Drop it and build it again with ',
          code('REINDEX INDEX CONCURRENTLY'),
          ', then press ',
          bold('Retry'),
          '.',
        ],
      ],
    }
  },
  push_refused: (failure, hints) => {
    const { remote, line, output, fault, refusesSetBack } = failure
    const { name, statusPage } = platformWords(hints, failure)
    const status = statusPage === undefined ? [] : [' (', code(statusPage), ')']
    if (fault === 'platform') {
      return {
        why: `${name} failed while it took the push to ${displayName(remote)}`,
        ...quoteOutput(line),
        output,
        next: [[`The code is not the cause. Check ${name}’s status page`, ...status, ', then try again.']],
      }
    }
    if (refusesSetBack) {
      return {
        why: `${displayName(remote)} takes no push that sets its branch back`,
        ...quoteOutput(line),
        output,
        next: [
          [
            'Allow it on the remote’s host with ',
            code('git config receive.denyNonFastForwards false'),
            ', or in its branch rules for the user that Signoff pushes with, then plan again.',
          ],
          ['Or deploy a commit that reverts the change: the branch then only goes forward.'],
        ],
      }
    }
    return {
      why: `${displayName(remote)} refused the push`,
      ...quoteOutput(line),
      output,
      next: [[line === undefined ? 'The remote gave no reason.' : 'The remote’s message gives the reason.']],
    }
  },
  build_failed: (failure, hints) => ({
    why: `the build on ${displayName(failure.remote)} failed`,
    ...quoteOutput(causeOf(failure, platformWords(hints, failure))),
    output: failure.output,
    next: [[FIX_CODE]],
  }),
  push_unknown: ({ remote, commit }) => ({
    why: `the push was interrupted, and ${displayName(remote)} does not show it`,
    next: [],
    unknown: {
      question: 'did the push arrive?',
      what: `whether ${displayName(remote)} has ${short(commit)}`,
      look: `git ls-remote ${displayName(remote)}`,
    },
  }),
  release_phase_failed: (failure, hints) => {
    const { commit } = failure
    const { name, commands } = platformWords(hints, failure)
    const [app, platformRelease] = [displayName(failure.app), displayName(failure.platformRelease)]
    const look = commands.releaseOutput?.(app, platformRelease)
    return {
      why: `${name}’s release phase failed: ${platformRelease} of ${app} is not live`,
      next: [
        [`${name} has `, commitLink(hints.services, hints.webUrl, commit), ' but still runs what it ran before.'],
        ...(look === undefined ? [] : [['See why: ', code(look)]]),
      ],
    }
  },
  not_confirmed: (failure, hints) => {
    const app = displayName(failure.app)
    return {
      why: `Signoff could not confirm that ${app} runs the commit`,
      ...quoteOutput(failure.detail),
      next: [],
      unknown: {
        question: 'is it live?',
        what: `which commit ${app} runs`,
        look: platformWords(hints, failure).commands.running(app),
      },
    }
  },
  record_failed: ({ detail }, { services: { forge } }) => ({
    why: `QA and approval could not be recorded at ${forge.name}, and nothing is deployed without that record`,
    ...quoteOutput(detail),
    next: [[`Check ${forge.name} and the permissions of the worker’s token.`]],
  }),
  internal_error: ({ detail }) => ({
    why: 'Signoff failed with an internal error',
    ...quoteOutput(detail),
    next: [['Report it with the worker’s log, which has the details.']],
  }),
}

const listed = (revisions: readonly string[]) =>
  revisions.length === 0
    ? 'none'
    : `${revisions.slice(0, 10).map(eight).join(', ')}${revisions.length > 10 ? ` and ${revisions.length - 10} more` : ''}`

function wordsOf<G extends FailureGate>(gate: G, failure: ByGate[G], hints: Hints): ProblemWords {
  return WORDS[gate](failure, hints)
}

function isFailure(because: Problem['because']): because is Failure {
  return Object.hasOwn(WORDS, because.gate)
}

/** Why a release stopped, whether at a gate or in a step. */
export function problemWords(because: Problem['because'], hints: Hints): ProblemWords {
  return isFailure(because) ? wordsOf(because.gate, because, hints) : refusalWords(because, hints)
}

/**
 * Faults of one line, each as somebody might make it, and where the suite must notice. `run.ts` applies them to a copy of
 * the source, one at a time; `seeded-bugs.test.ts` sees to it that each still applies.
 */

export interface SeededBug {
  readonly bug: string
  readonly file: string
  /** Stands exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** Test files of which at least one must turn red. */
  readonly tests: readonly string[]
}

const KILLS = 'test/faults/kill-points-simulated.test.ts'
const MATRIX = 'test/faults/fault-matrix.test.ts'
const MODEL = 'test/faults/model.test.ts'

export const SEEDED_BUGS: readonly SeededBug[] = [
  // Promise 1: at most one effect
  {
    bug: 'act without looking whether the effect is there',
    file: 'src/worker/run/runner.ts',
    find: "if (probe.is === 'there') return {",
    replace: "if (probe.is === 'there' && toDo.name === 'announce') return {",
    tests: [KILLS],
  },
  {
    bug: 'look once, without letting a cut-off effect settle',
    file: 'src/lib/retry.ts',
    find: 'const isLast = clock.now() >= end',
    replace: 'const isLast = clock.now() >= end || forMs > 0',
    tests: [MATRIX],
  },
  {
    bug: 'drop the fence: write for a claim that another worker has',
    file: 'src/adapters/store/transaction.ts',
    find: 'if (claim !== undefined) await jobs.holdClaim(trx, claim)',
    replace: 'if (claim === undefined) await Promise.resolve()',
    tests: ['test/adapters/store-jobs.test.ts', 'test/adapters/store-contract.test.ts'],
  },
  {
    bug: 'forget the lock of the environment',
    file: 'src/adapters/store/session-lock.ts',
    find: 'return rows[0]?.got === true',
    replace: 'return rows.length > 0',
    tests: ['test/adapters/store-lost.test.ts', 'test/adapters/store-contract.test.ts'],
  },
  {
    bug: 'take a lease that has not run out',
    file: 'src/adapters/store/lease.ts',
    find: 'where lease.expires_at <= clock_timestamp()\n     returning fence',
    replace: 'returning fence',
    tests: ['test/adapters/store-lease.test.ts'],
  },
  {
    bug: 'write under a lease that another run has',
    file: 'src/adapters/store/transaction.ts',
    find: 'if (lease !== undefined) await holdLease(trx, lease)',
    replace: 'if (lease === undefined) await Promise.resolve()',
    tests: ['test/adapters/store-contract.test.ts'],
  },
  {
    bug: 'leave the environment to a suspended worker for good',
    file: 'src/adapters/store/lease.ts',
    find: '!(await tryLock(connection, number)) && !(await retake(connection, place, number))',
    replace: '!(await tryLock(connection, number))',
    tests: ['test/adapters/store-contract.test.ts'],
  },
  {
    bug: 'begin an effect without asking the store for the lease',
    file: 'src/worker/run/runner.ts',
    find: 'await lease.assertHeld()',
    replace: 'await Promise.resolve()',
    tests: ['test/worker/runner.test.ts'],
  },
  {
    bug: 'push whatever the remote holds',
    file: 'src/adapters/git/push.ts',
    find: '`--force-with-lease=',
    replace: "'--force', '--signed=no' || `",
    tests: ['test/adapters/git-push.test.ts'],
  },
  {
    bug: 'force over commits that are not ours',
    file: 'src/adapters/git/push.ts',
    find: "if (ancestor.exitCode === 1) return { push: 'rejected', why: 'not a fast-forward', output: [] }",
    replace: 'if (ancestor.exitCode === 128) throw failure([], ancestor)',
    tests: ['test/adapters/git-push.test.ts'],
  },
  {
    bug: 'call a push without an answer refused',
    file: 'src/worker/run/conditional-push.ts',
    find: 'return afterNoAnswer(run, push, output)',
    replace: "return stopped({ gate: 'push_refused', remote: branch, output: [] }, 'none', { output })",
    tests: ['test/worker/steps/conditional-push.test.ts', MATRIX],
  },
  {
    bug: 'post again without reading the history after a lost answer',
    file: 'src/slack/outbox/post.ts',
    find: 'if (posting.tries > 0) {',
    replace: 'if (posting.tries > 50) {',
    tests: [MATRIX, 'test/faults/run-slack.test.ts'],
  },
  {
    bug: 'try to post before the try is written down',
    file: 'src/adapters/store/outbox.ts',
    find: "tries: set('tries', '+', 1),",
    replace: "tries: set('tries', '+', 0),",
    tests: ['test/adapters/store-contract.test.ts', 'test/adapters/store-outbox.test.ts'],
  },
  {
    bug: 'give two workers the same repeated delivery',
    file: 'src/adapters/store/inbox.ts',
    find: 'return added !== undefined',
    replace: 'return added !== null',
    tests: [
      'test/adapters/store-contract.test.ts',
      'test/adapters/store.test.ts',
      'test/features/slack-deliveries.test.ts',
    ],
  },
  {
    bug: 'know a delivery by its envelope only',
    file: 'src/slack/payloads.ts',
    find: 'id: trigger === undefined ?',
    replace: 'id: crypto.randomUUID() + trigger === undefined ?',
    tests: ['test/slack/payloads.test.ts', 'test/features/slack-deliveries.test.ts'],
  },
  {
    bug: 'run the migrations of a cut-off run beside the ones that still run',
    file: 'src/worker/run/steps/migrate-database.ts',
    find: "if (!('is' in last) && !last.isWorking) return last\n  await run.tell(",
    replace: "if (!('is' in last)) return last\n  await run.tell(",
    tests: ['test/worker/steps/migrate.test.ts'],
  },
  {
    bug: 'leave a killed push running',
    file: 'src/lib/process-group.ts',
    find: 'return process.kill(-group, signal)',
    replace: 'return process.kill(group, signal)',
    tests: ['test/adapters/git-push.test.ts'],
  },
  {
    bug: 'push a second time what the remote holds and does not run',
    file: 'src/worker/run/steps/push.ts',
    find: 'if (seen.holds === commitOf(run)) return releaseAgain(run, seen)',
    replace: "if (seen.holds === '') return releaseAgain(run, seen)",
    tests: ['test/features/failures-heroku.test.ts'],
  },
  {
    bug: 'release once more what a cut-off push has brought since it was probed',
    file: 'src/worker/run/steps/push.ts',
    find: "if (isThere(run, seen)) return { is: 'done'",
    replace: "if (seen.holds === '') return { is: 'done'",
    tests: ['test/worker/steps/push.test.ts'],
  },
  {
    bug: 'retry a second time for a click that is handled again',
    file: 'src/slack/press.ts',
    find: 'by: arrival.user, key: arrival.id }',
    replace: 'by: arrival.user }',
    tests: ['test/slack/handlers.test.ts'],
  },
  {
    bug: 'leave what a release has opened when Bitbucket is away for a minute',
    file: 'src/adapters/store/jobs.ts',
    find: "tidy: { queue: 'plan', attempts: AFTERWARDS_ATTEMPTS },",
    replace: "tidy: { queue: 'plan', attempts: PLAN_ATTEMPTS },",
    tests: ['test/faults/simulated-runs.test.ts'],
  },
  // Promise 2: what was signed is what goes
  {
    bug: 'count a sign-off whatever plan it was given on',
    file: 'src/release/policy.ts',
    find: '.filter((signOff) => signOff.kind === kind && signOff.fingerprint === release.fingerprint)',
    replace: '.filter((signOff) => signOff.kind === kind)',
    tests: ['test/release/policy-sign-off.test.ts', 'test/release/policy-any-rules.test.ts'],
  },
  {
    bug: 'take any merge for the signed one',
    file: 'src/worker/run/steps/merge.ts',
    find: 'if (merged.tree === result.tree && merged.parents.join() === result.parents.join()) {',
    replace: 'if (merged.parents.length === result.parents.length) {',
    tests: ['test/features/failures-merge.test.ts'],
  },
  {
    bug: 'do not look again before a step that cannot be undone',
    file: 'src/worker/run/runner.ts',
    find: 'if (!isIrreversible(toDo.name)) return undefined',
    replace: "if (toDo.name !== 'pick') return undefined",
    tests: [MODEL, 'test/features/refusals-outdated.test.ts'],
  },
  {
    bug: 'skip the comparison of what goes with what was planned',
    file: 'src/worker/run/steps/sync-and-verify.ts',
    find: 'if (facts.tree !== result.tree) return',
    replace: "if (facts.tree === '') return",
    tests: ['test/worker/steps/sync-and-verify.test.ts'],
  },
  {
    bug: 'run pending revisions that nobody signed',
    file: 'src/worker/run/steps/migrate-database.ts',
    find: 'if (same && known) return undefined',
    replace: 'if (same || known) return undefined',
    tests: ['test/worker/steps/migrate.test.ts'],
  },
  // Promise 3: two people
  {
    bug: 'let the requester approve',
    file: 'src/release/rules.ts',
    find: "release.requester.id === person.id ? { gate: 'own_release', who: names(people) } : undefined",
    replace: "release.requester.id === '' ? { gate: 'own_release', who: names(people) } : undefined",
    tests: ['test/release/policy-sign-off.test.ts', MODEL],
  },
  {
    bug: 'let the author of everything approve',
    file: 'src/release/rules.ts',
    find: 'const wroteAll = authors.length > 0 && authors.every(',
    replace: 'const wroteAll = authors.length > 99 && authors.every(',
    tests: ['test/release/policy-sign-off.test.ts'],
  },
  {
    bug: 'let who said the emergency give what it waived',
    file: 'src/release/rules.ts',
    find: "signOff.kind === 'emergency' && signOff.person.id === person.id)",
    replace: "signOff.kind === 'rejection' && signOff.person.id === person.id)",
    tests: ['test/release/policy-sign-off.test.ts'],
  },
  {
    bug: 'let guests press',
    file: 'src/release/service.ts',
    find: "if (found.is === 'not a member')",
    replace: "if (found.is === 'not a member' && found.why === 'bot')",
    tests: ['test/release/service.test.ts', 'test/features/refusals-of-people.test.ts'],
  },
  {
    bug: 'take a press on any message of the channel',
    file: 'src/slack/press.ts',
    find: 'card?.channel === channel && card.ts === ts',
    replace: 'card?.channel === channel',
    tests: ['test/slack/handlers.test.ts'],
  },
  {
    bug: 'take the token of one button for another',
    file: 'src/slack/press.ts',
    find: 'if (meant === undefined || (isStart ? !meant.asks : meant.action !== arrival.action)) return STALE',
    replace: 'if (meant === undefined) return STALE',
    tests: ['test/slack/handlers.test.ts'],
  },
  // Promise 4: nothing before the announcement
  {
    bug: 'run before Slack has confirmed the announcement',
    file: 'src/release/transitions/approved.ts',
    find: "if (environment.announce !== 'required' || release.announcement !== undefined) return enqueueRun(tx, release)",
    replace: "if (environment.announce !== 'required' || release.attempt === 1) return enqueueRun(tx, release)",
    tests: [MATRIX, 'test/features/refusals-announcement.test.ts'],
  },
  {
    bug: 'announce a release that is no longer wanted',
    file: 'src/slack/outbox/send.ts',
    find: "if (release.state !== 'approved') return outbox.giveUp(",
    replace: "if (release.state === 'planning') return outbox.giveUp(",
    tests: ['test/features/refusals-announcement.test.ts', MODEL],
  },
  // Promise 5: stop means stop
  {
    bug: 'begin a step after a cancel was committed',
    file: 'src/release/transitions/running.ts',
    find: 'if (release.cancelRequestedBy !== undefined) {\n    await endCancelled(tx, await markNotStarted(tx, release, row))',
    replace:
      'if (release.cancelRequestedBy?.id === "") {\n    await endCancelled(tx, await markNotStarted(tx, release, row))',
    tests: ['test/faults/promise-5-stop-means-stop.test.ts'],
  },
  {
    bug: 'call a push undone that was cut off, cancelled and not seen',
    file: 'src/worker/run/steps/push.ts',
    find: "return seen.is === 'absent' ? notSeen(pushOf(run)) : seen",
    replace: "return seen as Exclude<Probe, { is: 'absent' }>",
    tests: ['test/faults/promise-5-stop-means-stop.test.ts'],
  },
  {
    bug: 'cancel at once what was cut off, when the cancel comes after the look',
    file: 'src/worker/run/runner.ts',
    find: "mustAwaitEffect(release, toDo) ? 'look again' : stepStarted(tx, release, name)",
    replace: 'stepStarted(tx, release, name)',
    tests: ['test/faults/promise-5-stop-means-stop.test.ts'],
  },
  {
    bug: 'start by surprise, hours after the last sign-off',
    file: 'src/release/transitions/running.ts',
    find: 'if (waited >= RUN_MUST_BEGIN_MS) {',
    replace: 'if (waited < 0) {',
    tests: ['test/faults/simulated-runs.test.ts'],
  },
  {
    bug: 'accept a sign-off after the time is over',
    file: 'src/release/rules.ts',
    find: 'release.expiresAt !== undefined && now >= release.expiresAt',
    replace: 'release.expiresAt !== undefined && now > new Date(8.64e15)',
    tests: ['test/release/policy-sign-off.test.ts', 'test/release/policy.test.ts'],
  },
  {
    bug: 'leave a planned release the card that was drawn before',
    file: 'src/slack/outbox/post.ts',
    find: 'const drawn = (await message.redraw?.()) ?? message.drawn',
    replace: 'const drawn = message.drawn',
    tests: ['test/faults/simulated-runs.test.ts'],
  },
  {
    bug: 'leave the old card of a bot that stood still',
    file: 'src/slack/outbox/cards.ts',
    find: 'if (await changedSince(store, now)) await',
    replace: 'if (now.number === 0) await',
    tests: ['test/faults/slack-at-its-worst.test.ts'],
  },
  {
    bug: 'keep quiet to who came too late while the bot was away',
    file: 'src/slack/handlers.ts',
    find: "(refusal.gate === 'already_decided' && refusal.by?.id === arrival.user)",
    replace: "refusal.gate === 'already_decided'",
    tests: ['test/slack/handlers.test.ts'],
  },
  // Promise 6: the record can be checked
  {
    bug: 'verify the links of the chain and not what the events say',
    file: 'src/operations/audit/record.ts',
    find: "if (hash('sha256', row.text) !== row.hash)",
    replace: "if (hash('sha256', row.text) === '')",
    tests: ['test/operations/audit.test.ts'],
  },
  {
    bug: 'let a head that left the store be missing',
    file: 'src/operations/audit/record.ts',
    find: 'if (lost !== undefined) {',
    replace: "if (lost === '') {",
    tests: ['test/operations/audit.test.ts'],
  },
  // Promise 7: every release ends
  {
    bug: 'free the environment though something irreversible had begun',
    file: 'src/release/transitions/ended.ts',
    find: "if (irreversibleBegun(release.steps)) return 'needs attention'",
    replace: "if (release.steps.length > 99) return 'needs attention'",
    tests: ['test/release/service-course.test.ts', MATRIX],
  },
  {
    bug: 'forget the releases whose job was given up',
    file: 'src/worker/watch/sweep.ts',
    find: 'if (problem === undefined) continue',
    replace: 'if (problem !== undefined || seen.number > 0) continue',
    tests: ['test/faults/run-taken-over.test.ts'],
  },
  {
    bug: 'take a release whose phase has failed for a success',
    file: 'src/adapters/heroku/confirmation.ts',
    find: "if (current !== undefined && isOf(current, commit) && current.status === 'succeeded') {",
    replace: 'if (releases.some((each) => isOf(each, commit)) && current !== undefined) {',
    tests: ['test/worker/steps/confirm.test.ts', 'test/features/failures-heroku.test.ts'],
  },
  // Promise 8: no secret gets out
  {
    bug: 'scrub secrets only as they are, not as they are encoded',
    file: 'src/operations/scrub.ts',
    find: '...base64.flatMap((form) => base64Runs(text, form)),',
    replace: '',
    tests: ['test/operations/scrub.test.ts'],
  },
  {
    bug: 'take requests of any age',
    file: 'src/slack/bot.ts',
    find: 'Math.abs(offS) <= CLOCK_OFF_S',
    replace: 'Math.abs(offS) <= 1e9',
    tests: ['test/features/slack-deliveries.test.ts', 'test/sandbox/slack-bolt.test.ts'],
  },
  {
    bug: 'take deliveries that are for another workspace or app',
    file: 'src/slack/payloads.ts',
    find: 'if (!isForUs(body, ours)) return undefined',
    replace: "if (body.type === '') return undefined",
    tests: ['test/slack/payloads.test.ts'],
  },

  {
    bug: 'leave a preview of migrations its network',
    file: 'src/adapters/alembic/isolation/isolation.ts',
    find: 'call.needsNetwork || !cutsNetwork ?',
    replace: 'call.needsNetwork || cutsNetwork ?',
    tests: ['test/adapters/isolation.test.ts'],
  },
  {
    bug: 'show isolated code a folder although it is hidden',
    file: 'src/adapters/alembic/isolation/mounts.ts',
    find: '...hides.filter((at) => isShown(at, covers, []))',
    replace: '...hides.filter((at) => !isShown(at, covers, []))',
    tests: ['test/adapters/isolation-python.test.ts'],
  },
  {
    bug: 'let go of what a migration leaves running in another session',
    file: 'src/lib/process-group.ts',
    find: "if (leftovers === undefined || process.platform !== 'linux') return",
    replace: "if (leftovers === undefined || process.platform === 'linux') return",
    tests: ['test/lib/process-group.test.ts'],
  },
  // What the outside does, and what people are shown of it
  {
    bug: 'take away what the platform runs without naming it',
    file: 'src/worker/plan/lost.ts',
    find: 'if (runs === null) return {}',
    replace: 'if (runs !== holds) return {}',
    tests: ['test/features/platform-runs.test.ts'],
  },
  {
    bug: 'forget a lock when the next revision of the same transaction begins',
    file: 'src/adapters/sql-risks/reading.ts',
    find: 'if (index > 0 && about.transactionPerMigration) endTransaction(',
    replace: 'if (index > 0) endTransaction(',
    tests: ['test/adapters/sql-risks-release.test.ts'],
  },
  {
    bug: 'take a longer numeric of another scale for one that only widens',
    file: 'src/adapters/sql-risks/types.ts',
    find: 'length >= oldLength && scale === oldScale',
    replace: 'length >= oldLength',
    tests: ['test/adapters/sql-risks-measured.test.ts'],
  },
  {
    bug: 'refuse a plan for a statement that may run outside of the transaction',
    file: 'src/adapters/sql-risks/reading.ts',
    find: "(why !== undefined && transaction.state === 'open')",
    replace: "(why !== undefined && transaction.state !== 'none')",
    tests: ['test/adapters/sql-risks-release.test.ts'],
  },
  {
    bug: 'decline a pull request that another release still merges',
    file: 'src/worker/plan/pull-request.ts',
    find: 'return underWay.some((other) => other.number !== number && ',
    replace: 'return underWay.some((other) => other.number === number && ',
    tests: ['test/worker/pull-request.test.ts', 'test/features/shared-pull-requests.test.ts'],
  },
  {
    bug: 'take every failed push for one of which nothing was sent',
    file: 'src/adapters/git/errors.ts',
    find: 'return !isAfter && ended.stderr.some((text) => text.startsWith(',
    replace: 'return isAfter || ended.stderr.some((text) => text.startsWith(',
    tests: ['test/adapters/git-push.test.ts'],
  },
  {
    bug: 'post a card anew for every refused edit',
    file: 'src/slack/outbox/cards.ts',
    find: "const isGone = updated.failure === 'refused' && updated.error === 'message_not_found'",
    replace: "const isGone = updated.failure === 'refused'",
    tests: ['test/slack/delivery-refusals.test.ts'],
  },
  {
    bug: 'start a release by a click that did not say so',
    file: 'src/release/transitions/signed.ts',
    find: 'if (request.isConfirmed === false && starts',
    replace: 'if (request.isConfirmed === undefined && starts',
    tests: ['test/slack/start-question.test.ts'],
  },
  {
    bug: 'let anybody cancel while Slack does not answer about them',
    file: 'src/release/service.ts',
    find: 'safeFor?.id !== id || !isUnanswered',
    replace: 'safeFor === undefined || !isUnanswered',
    tests: ['test/release/service-unverified.test.ts'],
  },
  // What an operator sees
  {
    bug: 'log the events of a transaction that was begun again twice',
    file: 'src/release/committed.ts',
    find: 'events = []\n      at = tx.now',
    replace: 'at = tx.now',
    tests: ['test/release/committed.test.ts'],
  },
  {
    bug: 'count the run of a release that needs attention as done',
    file: 'src/worker/worker.ts',
    find: "if (event.type === 'attention_needed') outcome",
    replace: "if (event.type === 'run_started') outcome",
    tests: ['test/features/release-in-the-log.test.ts'],
  },
  {
    bug: 'call a worker that was never seen one that was seen just now',
    file: 'src/adapters/store/waiting.ts',
    find: 'extract(epoch from now() - max(at))',
    replace: 'greatest(0, extract(epoch from now() - max(at)))',
    tests: ['test/adapters/store-waiting.test.ts'],
  },
  {
    bug: 'let silent connections keep everybody else out',
    file: 'src/operations/http-server.ts',
    find: 'const [oldest = socket] = silent',
    replace: 'const oldest = socket',
    tests: ['test/operations/http-server.test.ts'],
  },
  {
    bug: 'say that an interrupted push had arrived where it was not seen',
    file: 'src/worker/run/runner.ts',
    find: "const isThere = how === 'by a look' && found.is === 'done'",
    replace: "const isThere = how === 'by a look'",
    tests: ['test/worker/runner.test.ts'],
  },
  // Rollbacks and marks, as people ask for them
  {
    bug: 'let anybody mark a release as bad',
    file: 'src/release/actions.ts',
    find: "rules: [hasPermission, isMarkable('bad')]",
    replace: "rules: [isMarkable('bad')]",
    tests: ['test/release/rollback-rights.test.ts'],
  },
  {
    bug: 'let the requester approve their own rollback',
    file: 'src/release/rules.ts',
    find: "release.requester.id === person.id ? { gate: 'own_release', who: names(people) } : undefined",
    replace:
      "release.kind !== 'rollback' && release.requester.id === person.id ? { gate: 'own_release', who: names(people) } : undefined",
    tests: ['test/release/rollback-rights.test.ts'],
  },
  {
    bug: 'take any last number of /deploy rollback for the release to go back to',
    file: 'src/release/rollback-command.ts',
    find: "to === undefined || words.at(-2) !== 'to'",
    replace: 'to === undefined',
    tests: ['test/release/rollback-command.test.ts'],
  },
  {
    bug: 'lock the environment after a rollback whose requester said no',
    file: 'src/slack/rollback.ts',
    find: 'values[ROLLBACK_FIELD.lock] === LOCK_AFTERWARDS',
    replace: 'true',
    tests: ['test/slack/rollback.test.ts'],
  },
  {
    bug: 'say that the old code can run where a database did not answer',
    file: 'src/slack/views/rollback-plan.ts',
    find: 'oldCodeCanRun(rollback) ?',
    replace: 'missed.length === 0 ?',
    tests: ['test/slack/views/rollback.test.ts'],
  },
]

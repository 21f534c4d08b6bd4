import type { PushRejection } from '../../release/ports/platform.ts'

/** git's own lines, which follow from what the server said and explain nothing. */
const OF_GIT = [
  /^To \S+$/,
  /^!?\s*\[(?:remote )?rejected\]/,
  /^error: failed to push some refs/,
  /^(?:hint|fatal):/,
  /^pre-receive hook declined/,
]

/** A line of a step, by a buildpack or by the build system. */
const STEP = /^-{4,}>/
/** Heroku's last words on a push that it declined. */
const CLOSING = /^Push (?:rejected|failed)\b/i

/** Heroku's own failures, in its own voice: only lines marked with an exclamation mark are tried. */
const PLATFORM_FAULT = [
  /could not store slug|slug archive could not be created|failure releasing code/i,
  /Heroku Git error|unrecognized error|internal (?:server )?error|service unavailable/i,
  /unable to (?:store|launch|release|start|schedule|download|fetch)\b/i,
  /(?:failed to|could not|couldn't|error) (?:download|fetch)(?:ing)?\b.*\bbuildpack/i,
  /build (?:system|service|server|stream)\b.*(?:unavailable|error|timed out|failed)/i,
  /temporarily (?:unavailable|disabled|suspended)|try again (?:later|shortly|in a)/i,
  /(?:builds|deploys|deployments|pushes) (?:are|have been) (?:currently )?(?:unavailable|disabled|paused|suspended)/i,
  /(?:ongoing|current|known) incident|experiencing (?:an incident|issues|problems|degraded)|maintenance window/i,
  /\bcode=H\d\d\b|\bH(?:80|81|82|99)\b/,
]

/** What stopped it in plain words, whatever else the output has. */
const DIAGNOSES = [
  /slug size:? .*\btoo large/i,
  /no default language could be detected|no (?:matching|default) buildpack|no Cedar-supported app detected/i,
  /app not compatible with buildpack|failed to detect (?:set buildpack|app)/i,
  /does not include a heroku\.yml/i,
  /build (?:timed out|exceeded the time limit)|timed out (?:compiling|building)/i,
]

/** Lines with a place in the code, or the name of what can't be had: the first is the cause, and others follow from it. */
const PLACED = [
  // A file with a line, as compilers write it: `./main.go:12:2:`, `src/a.ts(3,7):`, `[ERROR] /a/B.java:[12,9]`.
  /^(?:\[?error\]?:? )?[\w@./-]+\.\w{1,6}[:(]\[?\d+[,:\d\])]*:? ?.*(?:error|undefined|cannot|can't|not found|expected|missing|no such|undeclared|unused|imported|invalid|unknown|mismatch)/i,
  /^Module not found: |^Type error: |Rollup failed to resolve import/,
  /^- .*(?:requires .+(?:but|->|could not be found)|is not present in the lock file)/i,
  /^Could not find (?:gem|a valid gem|\S+ version)\b|^Could not find \S+ in (?:any of the sources|rubygems)/,
  /^Your (?:lockfile|Pipfile\.lock|Ruby version|bundle only supports)\b|lock was last generated/,
  /^(?:npm (?:ERR!|error)|error) .*(?:could not resolve|no matching version|404|notarget|can only install|couldn't find|incompatible)/i,
  /^error .*lockfile needs to be updated|^ERR_PNPM_\w+/,
  /^go: .*(?:requires|not found|invalid|missing|unknown|malformed|updates to go\.mod)|no required module provides package/i,
]

/** The line of an exception. Python's last is the one that ended the build, the first after `rake aborted!` is Ruby's. */
const EXCEPTION = [
  /^(?:\w+(?:::|\.))*[A-Z]\w*(?:Error|Exception|Failure)(?::| \()\s*\S/,
  /^(?:[A-Z]\w*::)+[A-Z]\w+: \S/,
  /^(?:[a-z_]\w*\.)+[A-Z]\w+: \S/,
  /^\*\* \(\w+\) \S/,
]
const MARKED = [
  /^npm (?:ERR!|error)/,
  /^\[?error\]?(?:\[\w+\])?[:\s]/i,
  /^(?:fatal error|fatal)[:\s]/i,
  /^E:\s/,
  /^Execution failed/,
]
const FAILS =
  /\b(?:error|exception|fatal|failed|cannot|could not|unable|no matching|not found|non-zero|killed|denied|unsupported|no longer|not available|isn't available|invalid|missing)\b/i

/** Said beside a cause, and never the cause. */
const BESIDE = [
  /:$/,
  /^(?:see|learn more|more info|for more|read more|hint|note:|warning|love,|heroku$|verifying deploy|some possible)\b/i,
  /^(?:if (?:the problem|you|this)|please try pushing again|we're sorry|we've been notified|you can troubleshoot)\b/i,
  /^(?:https?:\/\/|build failed$|this (?:is a one-off|error originates|issue may)|the next warning|request id)/i,
  /^(?:## warning|we have detected|at least twice|push rejected to|push failed$)/i,
  /^npm (?:ERR!|error)\s*$|^npm (?:warn|notice)\b|^npm (?:ERR!|error) (?:A complete log|\/|\s)/i,
  /^npm (?:ERR!|error) (?:code|errno|path|syscall|command|signal|file|cwd|lifecycle|workspace|location)\b/i,
  /see the (?:log|output)|see above|full stack ?trace|\[help 1\]|re-run maven|for more information|aborting deploy/i,
  /dependency resolver does not currently|subprocess-exited-with-error/i,
  /exit status \d+$|non-zero exit status|exited with code \d+\.?$/i,
]
/** A buildpack's own summary, which says less than what its tool printed before. */
const SUMMARY =
  /unable to install dependencies using|failed to (?:install (?:gems|system dependencies)|build app|run)\b|precompiling assets failed|dependency installation failed|error while running/i
/** A stack that still builds: only a warning, unless nothing was built. */
const END_OF_LIFE =
  /end[- ]of[- ]life|will not be possible|no longer (?:supported|possible)|(?:please )?upgrade (?:the|your) stack|as soon as possible/i

interface Told {
  /** Without the marks of git and of Heroku. */
  readonly text: string
  /** Marked with an exclamation mark: the buildpack's or Heroku's own words. */
  readonly isMarked: boolean
}

/**
 * Reads how Heroku declined a push, from the lines that git printed: whose cause it is, and the one line that tells it. Pure.
 * Heroku documents no format; the endings are those of test/adapters/heroku-push-endings.test.ts.
 */
export function readHerokuRejection(output: readonly string[]): PushRejection {
  const told = linesOf(output)
  const isBuilt = told.some(({ text, isMarked }) => !isMarked && STEP.test(text))
  const end = told.findIndex(({ text, isMarked }) => isMarked && CLOSING.test(text))
  const before = end === -1 ? told : told.slice(0, end)
  const closing = end === -1 ? undefined : told[end]

  const diagnosed = told.find(({ text }) => isAny(DIAGNOSES, text))
  if (diagnosed !== undefined) return { by: 'build', line: withoutStep(diagnosed.text) }
  const fault = told.find(({ text, isMarked }) => isMarked && isAny(PLATFORM_FAULT, text))
  if (fault !== undefined) return { by: 'platform', line: fault.text }
  if (!isBuilt && !isOfBuild(closing)) {
    const rule =
      told.find(({ text, isMarked }) => isMarked && !isBeside(text) && hasWords(text)) ??
      told.find(({ text }) => !isBeside(text) && hasWords(text) && !isPreamble(text))
    return { by: 'rule', ...(rule !== undefined && { line: rule.text }) }
  }
  const line = causeOf(before) ?? causeOf(told.slice(end + 1).filter(({ isMarked }) => isMarked)) ?? closing?.text
  return { by: 'build', ...(line !== undefined && { line }) }
}

function linesOf(output: readonly string[]): readonly Told[] {
  const isPrefixed = output.some((line) => /^\s*remote:/.test(line))
  return (
    output
      .filter((line) => !isPrefixed || /^\s*remote:/.test(line))
      .map((line) => line.replace(/^\s*remote: ?/, '').trim())
      // Such as `-----> Launching... ! Push failed: could not store slug`.
      .flatMap((line) => {
        const [, step, rest] = /^(-{4,}> .*?\.\.\.)\s+(!\s+.*)$/.exec(line) ?? []
        return step === undefined || rest === undefined ? [line] : [step, rest]
      })
      .filter((line) => !isAny(OF_GIT, line))
      .map((line) => ({ text: line.replace(/^!+\s*/, ''), isMarked: line.startsWith('!') }))
      .filter(({ text }) => text !== '')
  )
}

/** The most telling line of a build's output. */
function causeOf(told: readonly Told[]): string | undefined {
  const lines = told.filter(({ text }) => hasWords(text) && !isBeside(text) && !isPreamble(text))
  const tool = lines.filter(({ text, isMarked }) => !isMarked && !STEP.test(text))
  const marked = lines.filter(({ text, isMarked }) => isMarked && !END_OF_LIFE.test(text) && !CLOSING.test(text))
  const own = marked.filter(({ text }) => !SUMMARY.test(text))
  const found =
    tool.find(({ text }) => isAny(PLACED, text)) ??
    exceptionOf(tool) ??
    tool.find(({ text }) => isAny(MARKED, text)) ??
    own.find(({ text }) => FAILS.test(text)) ??
    tool.findLast(({ text }) => FAILS.test(text)) ??
    own[0] ??
    marked[0] ??
    lastOfLastStep(lines)
  return found && withoutStep(found.text)
}

function exceptionOf(tool: readonly Told[]): Told | undefined {
  const isException = ({ text }: Told) => isAny(EXCEPTION, text)
  const aborted = tool.findIndex(({ text }) => text.startsWith('rake aborted!'))
  return aborted === -1 ? tool.findLast(isException) : tool.slice(aborted).find(isException)
}

/** What the last step printed; nothing if it printed nothing. */
function lastOfLastStep(lines: readonly Told[]): Told | undefined {
  const last = lines.at(-1)
  return last === undefined || last.isMarked || STEP.test(last.text) ? undefined : last
}

function isOfBuild(closing: Told | undefined): boolean {
  return closing !== undefined && /failed to compile|^push failed$/i.test(closing.text)
}

function isPreamble(text: string): boolean {
  return /^(?:compressing source files|building source|counting objects|git submodules detected)/i.test(text)
}

function isBeside(text: string): boolean {
  return isAny(BESIDE, text)
}

function isAny(patterns: readonly RegExp[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text))
}

function hasWords(text: string): boolean {
  return /\p{L}{2}/u.test(text)
}

function withoutStep(text: string): string {
  return text.replace(/^-{4,}>\s*/, '')
}

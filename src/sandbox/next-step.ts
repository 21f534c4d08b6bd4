/** What the guide above the channel says next: pure, from what the channel and the systems show. */
import type { PersonName } from './people.ts'
import type { WorkName } from './work.ts'

/** The newest release to production, as its card shows it. */
export type NewestRelease =
  | { step: 'ask' }
  | { step: 'wait' }
  | { step: 'talk' | 'approve'; ts: string }
  /** `button`: QA is asked about the release, or about each of its changes. */
  | { step: 'qa'; ts: string; button: 'QA passed' | 'QA…' }
  | { step: 'scheduled' | 'running'; ts: string }
  | { step: 'done'; ts: string; words: string }
  | { step: 'stopped'; ts: string; words: string; offers: 'Retry' | 'Plan again' | undefined }

export interface GuideFacts {
  readonly as: PersonName
  readonly release: NewestRelease
  /** Production runs all of master. */
  readonly isUpToDate: boolean
  readonly isLocked: boolean
  /** What somebody has done at least once since the sandbox was made. */
  readonly tried: { readonly lock: boolean; readonly schedule: boolean; readonly rollBack: boolean }
  /** How many releases to production have succeeded: a rollback needs one to go back to. */
  readonly succeeded: number
}

export type GuideAction = { readonly label: string } & (
  | { readonly do: 'become'; readonly person: PersonName }
  | { readonly do: 'type'; readonly text: string }
  /** Leads to a button of the card; pressing it is left to the person. */
  | { readonly do: 'show button'; readonly ts: string; readonly button: string }
  | { readonly do: 'open thread'; readonly ts: string }
  | { readonly do: 'work'; readonly name: WorkName }
  | { readonly do: 'set clock' | 'open home' | 'open faults' }
)

export interface NextStep {
  /** Which of the four steps on top is now; 4: all are done. */
  readonly at: number
  readonly words: string
  readonly actions: readonly GuideAction[]
  /** The release's card must be in sight. */
  readonly needsCard?: true
  /** The thread in which it is followed already, and what is said then. */
  readonly inThread?: { readonly ts: string; readonly words: string }
}

/** The next sentence for this person, with the buttons that lead to it. */
export function nextStep(facts: GuideFacts): NextStep {
  const { as, release } = facts
  switch (release.step) {
    case 'ask':
      return request(as, 'Start a release to production: as Dana, type /deploy production below and press Enter.')
    case 'wait':
      return onCard(
        0,
        'Signoff checks git, Heroku and the database and plans the release. Its card appears in a moment.',
      )
    case 'qa':
      return as === 'lin'
        ? onCard(1, QA_BY_LIN[release.button], showButton(release.ts, release.button))
        : onCard(
            1,
            'The release needs QA from one person and approval from another. Lin does QA.',
            become('lin', 'Switch to Lin'),
          )
    case 'talk':
      return as === 'tom'
        ? onCard(
            1,
            'You are Tom. The migration may lose data: press Talked over and note who discussed it.',
            showButton(release.ts, 'Talked over'),
          )
        : onCard(
            1,
            'The team must discuss this migration first. Tom, an approver, can confirm that it did.',
            become('tom', 'Switch to Tom'),
          )
    case 'approve':
      return as === 'tom'
        ? onCard(
            2,
            'You are Tom, an approver. Review the plan and press Approve on the card.',
            showButton(release.ts, 'Approve'),
          )
        : onCard(
            2,
            'Now the release needs approval from Tom. Dana requested it, so she can’t approve it herself.',
            become('tom', 'Switch to Tom'),
          )
    case 'scheduled':
      return onCard(
        3,
        'It starts by itself at its time. Set the clock forward in the Systems panel, or press Start now.',
        { label: 'To the next start', do: 'set clock' },
      )
    case 'running':
      return {
        ...onCard(
          3,
          'The release is running: merge, migrate, push. Follow it in its thread and in the Systems panel.',
          { label: 'Open the thread', do: 'open thread', ts: release.ts },
        ),
        inThread: {
          ts: release.ts,
          words: 'The release is running. Its thread lists each step; the Systems panel shows the effects.',
        },
      }
    case 'done':
      return afterwards(facts)
    case 'stopped': {
      const [first = ''] = release.words.replaceAll('\u00a0', ' ').split(/(?<=\.) /)
      const { offers } = release
      if (offers === undefined) return request(as, `${first} Start a new release with /deploy production.`)
      const words = `${first} The card explains why and offers ${offers}.`
      return onCard(
        3,
        words,
        as === 'dana' || as === 'tom' ? showButton(release.ts, offers) : become('dana', 'Switch to Dana'),
      )
    }
  }
}

/** After a release: the controls, one after the other, each until somebody has used it; then what else there is. */
function afterwards({ as, isUpToDate, isLocked, tried, succeeded }: GuideFacts): NextStep {
  if (isLocked) {
    const words = 'Production is locked: only who locked it can start a release. End it with /deploy unlock production.'
    return typed(as, DONE, words, '/deploy unlock production')
  }
  if (!tried.lock) {
    const words = 'Released to production. Next, a lock: it keeps others from releasing, with a reason that they read.'
    return typed(as, DONE, words, '/deploy lock production because of a demo')
  }
  if (!tried.schedule) {
    if (isUpToDate) return push('Next, a release for tomorrow: push a commit, so that there is something to release.')
    const words = 'Plan a release now that starts tomorrow. Its sign-offs can be given at once.'
    return typed(as, DONE, words, '/deploy production at 18:00 tomorrow')
  }
  if (!tried.rollBack && succeeded > 1) {
    const words =
      'If a release was bad: /deploy rollback production goes back to the one before. It needs one approval.'
    return typed(as, DONE, words, '/deploy rollback production')
  }
  if (!isUpToDate) return request(as, 'Production is behind master. Start the next release: /deploy production.')
  return {
    at: DONE,
    words: 'Released to production. Release again, use / in the message box or Home, or break something and watch.',
    actions: [
      { label: 'Push a commit', do: 'work', name: 'commit' },
      { label: 'Open Home', do: 'open home' },
      { label: 'Break something', do: 'open faults' },
    ],
  }
}

const DONE = 4

const QA_BY_LIN = {
  'QA passed': 'You are Lin, who does QA. Press QA passed on the card.',
  'QA…': 'You are Lin, who does QA. Press QA… on the card and tick each change that you have tested.',
} as const

const onCard = (at: number, words: string, ...actions: readonly GuideAction[]): NextStep => ({
  at,
  words,
  actions,
  needsCard: true,
})

const request = (as: PersonName, words: string) => typed(as, 0, words, '/deploy production')

/** Dana may do all that is typed here. */
const typed = (as: PersonName, at: number, words: string, text: string): NextStep => ({
  at,
  words,
  actions: [as === 'dana' ? { label: 'Type it for me', do: 'type', text } : become('dana', 'Switch to Dana')],
})

const push = (words: string): NextStep => ({
  at: DONE,
  words,
  actions: [{ label: 'Push a commit', do: 'work', name: 'commit' }],
})

const become = (person: PersonName, label: string): GuideAction => ({ label, do: 'become', person })
const showButton = (ts: string, button: string): GuideAction => ({ label: 'Show me', do: 'show button', ts, button })

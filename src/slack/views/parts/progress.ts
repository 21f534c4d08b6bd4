/** How a running card shows its steps: three lines of words, or Slack's plan block. */
import type { KnownBlock, PlanBlock } from '@slack/types'
import type { Release, StepRow } from '../../../release/release.ts'
import type { Progress } from '../../../release/settings.ts'
import type { StepState } from '../../../release/terms.ts'
import { context } from './blocks.ts'
import { stepNow, stepsInOrder } from './facts.ts'
import { capital, date, duration, together } from './text.ts'

export function progressBlock(release: Release, progress: Progress): KnownBlock {
  return progress === 'plan' ? planBlock(release) : lines(release)
}

function lasted({ name, startedAt, endedAt }: StepRow): string {
  return startedAt === undefined || endedAt === undefined
    ? name
    : together(name, `(${duration(endedAt.getTime() - startedAt.getTime())})`)
}

function lines(release: Release): KnownBlock {
  const steps = stepsInOrder(release)
  const now = stepNow(release)
  const done = steps.filter(({ state }) => state === 'done')
  const next = steps.filter(({ name, state }) => name !== now?.name && state !== 'done')
  const at = now?.startedAt
  const since = now?.state === 'running' && at !== undefined ? `, since ${date(at, 'time')}` : ''
  return context(
    [
      ...(done.length === 0 ? [] : [`Done: ${done.map(lasted).join(', ')}`]),
      ...(now === undefined ? [] : [now.state === 'running' ? `Now: *${now.name}*${since}` : `Next: *${now.name}*`]),
      ...(next.length === 0
        ? []
        : [`${now?.state === 'running' ? 'Next' : 'Then'}: ${next.map(({ name }) => name).join(', ')}`]),
    ].join('\n'),
  )
}

const TASK_STATUS: Readonly<Record<StepState, 'pending' | 'in_progress' | 'complete' | 'error'>> = {
  pending: 'pending',
  running: 'in_progress',
  done: 'complete',
  failed: 'error',
  unknown: 'error',
}

function task(row: StepRow): string {
  const name = capital(row.name)
  if (row.state === 'done' && row.startedAt !== undefined && row.endedAt !== undefined)
    return `${name} (${duration(row.endedAt.getTime() - row.startedAt.getTime())})`
  return row.state === 'pending' ? name : `${name}: ${row.state}`
}

function planBlock(release: Release): PlanBlock {
  return {
    type: 'plan',
    title: 'Steps',
    tasks: stepsInOrder(release).map((row) => ({
      type: 'task_card',
      task_id: row.name,
      title: task(row),
      status: TASK_STATUS[row.state],
    })),
  }
}

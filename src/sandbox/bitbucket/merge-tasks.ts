import { randomUUID } from 'node:crypto'
import type { Done } from './pull-requests.ts'
import type { Identity, PullRequest } from './state.ts'

type Merge = () => Promise<Done<PullRequest>>

export type MergeTask = {
  id: string
  pullRequest: number
  by: Identity
  /** How often the task or its pull request is still looked at before the merge is done. */
  looks: number
  result: Promise<Done<PullRequest>> | undefined
  merge: Merge
}

/** Merges that were accepted with 202 and are done later: after so many looks, or when a test says so. */
export function createMergeTasks() {
  const tasks: MergeTask[] = []
  const finish = (task: MergeTask) => {
    task.result ??= task.merge()
    return task.result
  }
  return {
    begin(pullRequest: number, by: Identity, looks: number, merge: Merge): MergeTask {
      const task = { id: randomUUID(), pullRequest, by, looks, result: undefined, merge }
      tasks.push(task)
      return task
    },
    find: (pullRequest: number, id: string): MergeTask | undefined =>
      tasks.find((task) => task.id === id && task.pullRequest === pullRequest),
    /** Counts a look at a pull request, and does its merge when it was the last to wait for. */
    async look(pullRequest: number): Promise<void> {
      for (const task of tasks.filter((one) => one.pullRequest === pullRequest)) {
        if (task.looks <= 0) await finish(task)
        else task.looks -= 1
      }
    },
    async finishAll(): Promise<void> {
      for (const task of tasks) await finish(task)
    },
  }
}

import { randomUUID } from 'node:crypto'
import type { Done } from './pull-requests.ts'
import type { Identity, PullRequest } from './state.ts'

type Merge = () => Promise<Done<PullRequest>>

export type MergeTask = {
  id: string
  pullRequest: number
  by: Identity
  /** How many more reads of the task or its pull request there are before the merge is performed. */
  looks: number
  result: Promise<Done<PullRequest>> | undefined
  merge: Merge
}

/** Merges that were accepted with 202 and are performed after a number of reads, or when a test says so. */
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
    /** Counts a read of a pull request, and performs its merge after the last one. */
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

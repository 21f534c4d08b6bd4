/** Gathers what waits for a statement that is under way into the next one. */

interface Waiting<Entry, Result> {
  readonly entry: Entry
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * Returns a function that gives the result of one entry of `work`, which gets as many as wait and gives a result for each,
 * in their order. So many calls of `work` are under way `atOnce`, and one that is free starts without waiting for more. Each entry is settled only when
 * its call has ended. Where the call of several fails by what one of them is, each is tried alone, so that it doesn't take
 * the others with it.
 */
export function createBatches<Entry, Result>(
  { most, atOnce }: { readonly most: number; readonly atOnce: number },
  work: (entries: readonly Entry[]) => Promise<readonly Result[]>,
  isOfOneEntry: (error: unknown) => boolean = () => false,
): (entry: Entry) => Promise<Result> {
  const waiting: Waiting<Entry, Result>[] = []
  let underWay = 0

  async function perform(batch: readonly Waiting<Entry, Result>[]): Promise<void> {
    try {
      const results = await work(batch.map(({ entry }) => entry))
      for (const [at, { resolve }] of batch.entries()) resolve(results[at] as Result)
    } catch (error) {
      if (batch.length > 1 && isOfOneEntry(error)) for (const each of batch) await perform([each])
      else for (const { reject } of batch) reject(error)
    }
  }

  async function workOff(): Promise<void> {
    underWay += 1
    while (waiting.length > 0) await perform(waiting.splice(0, most))
    underWay -= 1
  }

  return (entry) =>
    new Promise<Result>((resolve, reject) => {
      waiting.push({ entry, resolve, reject })
      if (underWay < atOnce) void workOff()
    })
}

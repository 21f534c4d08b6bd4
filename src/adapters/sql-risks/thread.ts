/** The thread that parses SQL, so that a long parse blocks nothing else. The caller terminates it at the time limit. */
import { parentPort } from 'node:worker_threads'
import { loadParser, readRevisions } from './reading.ts'

await loadParser()
parentPort?.on('message', (revisions: readonly (readonly string[])[]) => {
  parentPort?.postMessage(readRevisions(revisions))
})

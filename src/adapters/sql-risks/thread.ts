/** The thread that reads SQL, so that a long parse stops nothing else; ended from outside when it takes too long. */
import { parentPort } from 'node:worker_threads'
import { loadParser, readRevisions } from './reading.ts'

await loadParser()
parentPort?.on('message', (revisions: readonly (readonly string[])[]) => {
  parentPort?.postMessage(readRevisions(revisions))
})

/** The thread that parses SQL, so that a long parse blocks nothing else. The caller terminates it at the time limit. */
import { parentPort } from 'node:worker_threads'
import type { Circumstances } from '../../release/ports/sql-risks.ts'
import { loadParser, readRevisions } from './reading.ts'

await loadParser()
parentPort?.on('message', ([revisions, about]: [readonly (readonly string[])[], Circumstances]) => {
  parentPort?.postMessage(readRevisions(revisions, about))
})

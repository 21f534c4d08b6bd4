/** The thread that parses the statements of a preview, so that a long parse blocks nothing else. */
import { parentPort } from 'node:worker_threads'
import { loadModule } from 'libpg-query'
import { READY } from './parser.ts'
import { shapeOf } from './statement-shape.ts'

await loadModule()
parentPort?.postMessage(READY)
parentPort?.on('message', (sql: string) => {
  parentPort?.postMessage(shapeOf(sql))
})

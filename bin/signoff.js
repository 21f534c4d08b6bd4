#!/usr/bin/env node
/** The program's entry: plain JavaScript, so that an older Node can read it and say which one is needed. */
const NEEDED = 24

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  await keepCompiled(process.env.DATA_DIR || './data')
  await import('../src/main.ts')
} else {
  process.stderr.write(
    `Signoff needs Node ${NEEDED} or newer, and this is Node ${process.versions.node}. Install Node ${NEEDED}, or run npm ci ` +
      'without --omit=dev: it brings Node for npm start and npx signoff.\n',
  )
  process.exitCode = 2
}

/**
 * Node keeps what it has compiled in DATA_DIR: half of a start and a fifth of its memory go into compiling the same files
 * again. Only in a directory that is this user's own, because what is read from it runs as this user. The first start makes
 * that directory, so the second one is the first to gain.
 */
async function keepCompiled(/** @type {string} */ dataDir) {
  const { statSync } = await import('node:fs')
  const found = statSync(dataDir, { throwIfNoEntry: false })
  if (found === undefined || !found.isDirectory() || found.uid !== process.getuid?.()) return
  const { enableCompileCache } = await import('node:module')
  enableCompileCache(`${dataDir}/compiled`)
}

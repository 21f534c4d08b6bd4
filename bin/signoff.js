#!/usr/bin/env node
/** The program's entry: plain JavaScript, so that an older Node can read it and say which one is needed. */
const NEEDED = 24

if (Number.parseInt(process.versions.node, 10) >= NEEDED) await import('../src/main.ts')
else {
  process.stderr.write(
    `Signoff needs Node ${NEEDED} or newer, and this is Node ${process.versions.node}. Install Node ${NEEDED}, or run npm ci ` +
      'without --omit=dev: it brings Node for npm start and npx signoff.\n',
  )
  process.exitCode = 2
}

import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const found = CHROMIUM.find((path) => existsSync(path))

/**
 * Whether these tests can run here, for `describe.skipIf(!hasChromium())`. Without Chromium it logs one line; in CI (CI=true) it
 * throws, so that CI never skips them.
 */
export function hasChromium(): boolean {
  if (found !== undefined) return true
  const need = 'the browser tests need Chromium (Debian: apt-get install chromium)'
  if (process.env.CI === 'true') throw new Error(need)
  console.warn(`skipped: ${need}`)
  return false
}

export async function launchBrowser(): Promise<Browser> {
  if (found === undefined) throw new Error('Chromium is not installed')
  return chromium.launch({
    executablePath: found,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--in-process-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

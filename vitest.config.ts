import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['test/support/postgres.ts'],
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Files share a process, so that libraries are loaded once; each test cleans up what it started.
    isolate: false,
    maxWorkers: 2,
    // Slack's 3 s are real in the stories, and a shared machine in CI can be too busy for them once; it is printed.
    retry: process.env.CI === 'true' ? 1 : 0,
  },
})

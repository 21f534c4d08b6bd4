/**
 * How fast the service is in the sandbox, where a build takes no time: what waits minutes in service for something that may
 * still come waits seconds here. Nothing decides by these what happened.
 */
export const SANDBOX_PACE = {
  times: {
    pause: 500,
    poll: 250,
    settleMerge: 10_000,
    settlePush: { heroku: 3_000, git: 3_000 },
    confirm: 10_000,
    look: 3_000,
  },
  jobTiming: { pollSeconds: 0.5, superviseSeconds: 2, retrySeconds: 1 },
  updateEveryMs: 300,
  tickEveryMs: 5_000,
  pingTimeoutMs: 3_000,
} as const

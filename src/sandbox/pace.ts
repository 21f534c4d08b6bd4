/**
 * How fast the service is in the sandbox, where a build takes no time: what waits minutes in service for something that may
 * still come waits seconds here. Nothing decides by these what happened.
 */
export const SANDBOX_PACE = {
  times: {
    pause: 500,
    poll: 250,
    look: 3_000,
  },
  limits: {
    forge: { mergeArrivesWithinMs: 10_000, pushArrivesWithinMs: 3_000 },
    platforms: {
      heroku: { pushArrivesWithinMs: 3_000, releaseAppearsWithinMs: 10_000, confirmedWithinMs: 10_000 },
      git: { pushArrivesWithinMs: 3_000 },
    },
    migrator: { endsWithinMs: 10_000 },
  },
  jobTiming: { pollSeconds: 0.5, superviseSeconds: 2, retrySeconds: 1 },
  updateEveryMs: 300,
  tickEveryMs: 5_000,
  pingTimeoutMs: 3_000,
} as const

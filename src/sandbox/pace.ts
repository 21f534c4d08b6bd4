/**
 * Shorter waits for the sandbox, where builds take no time: seconds instead of minutes. They only say how long to wait, never
 * decide what happened.
 */
export const SANDBOX_PACE = {
  times: {
    pause: 500,
    poll: 250,
    look: 3_000,
    heads: 3_000,
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
  // One visitor acts for five people within seconds: more than the 20 look-ups of groups a minute that Slack allows a team.
  updatesAMinute: 1_000,
  tickEveryMs: 5_000,
  pingTimeoutMs: 3_000,
} as const

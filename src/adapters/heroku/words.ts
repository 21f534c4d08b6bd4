import type { PlatformLimits, PlatformWords } from '../../release/ports/platform.ts'
import { readHerokuRejection } from './push-endings.ts'

/** Heroku's words and facts for messages. */
export const herokuWords: PlatformWords = {
  name: 'Heroku',
  settings: ['HEROKU_API_KEY'],
  addressSetting: 'HEROKU_API_URL',
  runsApart: true,
  buildsOnPush: true,
  artifact: 'slug',
  sameCommit: 'Heroku does not build the same commit again.',
  readRejection: readHerokuRejection,
  statusPage: 'https://status.heroku.com',
  commands: {
    running: (app) => `heroku releases --app ${app}`,
    releaseOutput: (app, platformRelease) => `heroku releases:output ${platformRelease} --app ${app}`,
  },
  advice: {
    remote: 'see HEROKU_API_KEY',
    app: (app) => `see HEROKU_API_KEY, and that its user is a collaborator of ${app}`,
  },
}

export const herokuLimits: PlatformLimits = {
  // A build may continue for 15 minutes after its push was interrupted.
  pushArrivesWithinMs: 20 * 60_000,
  releaseAppearsWithinMs: 60_000,
  // A release phase may take an hour.
  confirmedWithinMs: 65 * 60_000,
}

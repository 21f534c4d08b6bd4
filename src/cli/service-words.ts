import { alembicWords } from '../adapters/alembic/words.ts'
import { bitbucketWords } from '../adapters/bitbucket/words.ts'
import { gitRemoteWords } from '../adapters/git-remote/words.ts'
import { herokuWords } from '../adapters/heroku/words.ts'
import type { ServiceWords } from '../release/ports/words.ts'

/** The words for the services in messages: the bot has these and none of the adapters. */
export const SERVICE_WORDS: ServiceWords = {
  forge: bitbucketWords,
  platforms: { heroku: herokuWords, git: gitRemoteWords(bitbucketWords.settings) },
  migrator: alembicWords,
}

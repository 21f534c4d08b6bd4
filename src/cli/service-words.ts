import { alembicWords } from '../adapters/alembic/words.ts'
import { bitbucketWords } from '../adapters/bitbucket/words.ts'
import { gitRemoteWords } from '../adapters/git-remote/words.ts'
import { herokuWords } from '../adapters/heroku/words.ts'
import type { ServiceWords } from '../release/ports/words.ts'

/** What each service calls its things, for messages. The bot uses these and no adapter. */
export const SERVICE_WORDS: ServiceWords = {
  forge: bitbucketWords,
  platforms: { heroku: herokuWords, git: gitRemoteWords(bitbucketWords.settings) },
  migrator: alembicWords,
}

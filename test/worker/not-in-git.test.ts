/** Which reasons of a migrator mean that a file of Git LFS, or a submodule, is missing. */
import { expect, it } from 'vitest'
import type { MigrationStatus, MigrationsAnswer } from '../../src/release/ports/migrator.ts'
import { missingFrom } from '../../src/worker/plan/not-in-git.ts'

const failed = (detail: string): MigrationsAnswer<MigrationStatus> => ({ ok: false, why: 'unreadable', detail })
const notPreviewed = (reason: string): MigrationsAnswer<MigrationStatus> => ({
  ok: true,
  value: {
    identity: 'db:5432/api',
    heads: [],
    current: [],
    unknown: [],
    pending: [{ revision: 'a1', message: 'm', file: 'f', preview: { notPreviewed: reason, commits: false } }],
  },
})

const NOT_IN_GIT = { lfs: ['data/words.csv'], submodules: ['libs/shared-models'] }
const LFS = { gate: 'lfs_missing', files: ['data/words.csv'] }
const SUBMODULE = { gate: 'submodule_missing', submodules: ['libs/shared-models'] }

it.each<[string, MigrationsAnswer<MigrationStatus>, object | undefined]>([
  ['W2: a revision opens it', notPreviewed("FileNotFoundError: No such file or directory: 'data/words.csv'"), LFS],
  ['W2: by an absolute path', notPreviewed("No such file or directory: '/tmp/x/data/words.csv'"), LFS],
  ['W2: from its folder', failed("No such file or directory: 'words.csv'"), LFS],
  ['W2: another file of a similar name', failed("No such file or directory: 'keywords.csv'"), undefined],
  ['W2: a revision that reads rows', notPreviewed('it reads rows'), undefined],
  ['W13: env.py imports it', failed("ModuleNotFoundError: No module named 'shared_models'"), SUBMODULE],
  ['W13: a part of it', failed("No module named 'libs.shared_models.users'"), SUBMODULE],
  ['W13: reads from it', notPreviewed("No such file or directory: 'libs/shared-models/x.sql'"), SUBMODULE],
  ['W13: another module', failed("No module named 'shared'"), undefined],
  ['W13: nothing is missing', failed('invalid syntax'), undefined],
])('%s', (_what, status, refused) => {
  expect(missingFrom(NOT_IN_GIT, status)).toEqual(refused && { refused })
})

it('refuses nothing where the commit has everything', () => {
  expect(missingFrom({ lfs: [], submodules: [] }, failed("No such file: 'data/words.csv'"))).toBeUndefined()
})

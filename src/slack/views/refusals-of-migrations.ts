/** The messages of refusals by what migrations need, or by what they would do. */
import type { Refusal } from '../../release/refusals.ts'
import { programOf } from '../../release/stored-names.ts'
import { code, type Line } from './parts/blocks.ts'
import { counted, cut, eight, oneLine, short } from './parts/text.ts'
import { displayName, type Hints, quoteOutput, truncated, type Words } from './parts/words.ts'

type MigrationGate =
  | 'same_database'
  | 'migrations_unreadable'
  | 'lfs_missing'
  | 'submodule_missing'
  | 'isolation_unavailable'
  | 'migrations_not_committed'
  | 'migration_heads'
  | 'migration_will_fail'
  | 'unknown_revision'

export const MIGRATION_REFUSALS: {
  readonly [G in MigrationGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  same_database: ({ environment, other, table }) => ({
    ...(table !== undefined && {
      list: [
        [
          `Both write their revisions into ${table === '' ? 'one table' : displayName(table)}. If they share the database on purpose, give each a `,
          code('version_table'),
          ' of its own in its env.py.',
        ],
      ],
    }),
    why: `the migrations of ${displayName(environment)} would change the database of ${displayName(other)}`,
    next: [['Correct the wrong ', code('env_file'), ' on the worker’s host, then try again.']],
  }),
  migrations_unreadable: (refusal, { services: { migrator } }) => ({
    why: `${migrator.name} can’t read the app’s migrations`,
    ...quoteOutput(refusal.detail),
    next: [
      refusal.configuration === undefined
        ? [
            `If ${migrator.missingPart} is missing, set `,
            code(migrator.programSetting),
            ' to a program that has the app’s packages. Current setting: ',
            code(programOf(refusal)),
            '.',
          ]
        : [
            'Set ',
            code('migrations.config'),
            ' to the path of a file in this commit, or add the file. Current setting: ',
            code(refusal.configuration),
            '.',
          ],
    ],
  }),
  lfs_missing: ({ files }) => ({
    why: `the migrations read ${counted(files.length, 'file')} that Git LFS keeps elsewhere and that the worker could not fetch`,
    list: truncated(files, (path) => [code(cut(oneLine(path), 100))]),
    next: [
      ['Install git-lfs on the worker’s host, or commit what the migrations read without Git LFS. Then try again.'],
    ],
  }),
  submodule_missing: ({ submodules }, { services: { migrator } }) => ({
    why: `the migrations need ${counted(submodules.length, 'submodule')}, and a migration’s checkout has no submodules`,
    list: truncated(submodules, (path) => [code(cut(oneLine(path), 100))]),
    next: [
      [
        'Install its package into the Python of ',
        code(migrator.programSetting),
        ' on the worker’s host, or move what the migrations need into the repository, then try again.',
      ],
    ],
  }),
  migrations_not_committed: ({ database }, { services: { migrator } }) => ({
    why: `${migrator.name} would run the migrations${database === undefined ? '' : ` of ${displayName(database)}`} and commit none of them, so the database would stay as it is`,
    next: [[migrator.neverCommits.why], [migrator.neverCommits.fix]],
  }),
  isolation_unavailable: ({ detail }) => ({
    why: 'the worker’s host can’t isolate the app’s code, and its migrations run only isolated',
    ...quoteOutput(detail),
    next: [
      [
        'Install bubblewrap on the worker’s host, or let it make namespaces; ',
        code('signoff doctor'),
        ' shows whether it works. Or set ',
        code('migrations.isolation'),
        ' to ',
        code('auto'),
        '. Then try again.',
      ],
    ],
  }),
  migration_heads: ({ heads }, { services: { migrator } }) => ({
    why: `the migrations have ${heads.length} heads, so ${migrator.name} can’t tell which is the last`,
    list: truncated(heads, ({ revision, file }) => [code(revision), ` in ${cut(oneLine(file), 100)}`]),
    next: [['Merge the heads with ', code(`${migrator.merge} heads`), ', push, then try again.']],
  }),
  migration_will_fail: ({ revision, file, line, why, what, statement }, { services: { migrator } }) => {
    const place = line === undefined ? file : `${file}:${line}`
    const outside = code(migrator.outsideTransaction)
    const advice: Readonly<Record<typeof why, Line>> = {
      'in a transaction': ['Run it outside of the transaction, in ', outside, ', push, then try again.'],
      'with others': ['Run it as a statement of its own, in ', outside, ', push, then try again.'],
      'new enum value': [
        'Postgres takes the value only after the transaction that adds it. Add it in ',
        outside,
        ' or in an earlier release, push, then try again.',
      ],
    }
    const cause = {
      'in a transaction': `${what} can’t run in a transaction`,
      'with others': `${what} can’t run together with other statements`,
      'new enum value': `it uses ${what} before the value is committed`,
    }
    return {
      why: `migration ${eight(revision)} would fail: ${cut(oneLine(cause[why]), 150)}`,
      ...quoteOutput(statement),
      next: [['In ', code(cut(oneLine(place), 160)), '. ', ...advice[why]]],
    }
  },
  unknown_revision: ({ revisions, commit }) => ({
    why: `the database is at ${revisions.slice(0, 3).map(eight).join(', ')}, which commit ${short(commit)} does not have`,
    next: [
      [
        'Someone migrated the database from another branch. Merge that branch, or downgrade the database by hand, then try again.',
      ],
    ],
  }),
}

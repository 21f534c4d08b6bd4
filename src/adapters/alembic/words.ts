import type { MigratorLimits, MigratorWords } from '../../release/ports/migrator.ts'

/** Alembic's words and facts for messages. */
export const alembicWords: MigratorWords = {
  name: 'alembic',
  programSetting: 'migrations.alembic',
  merge: 'alembic merge',
  lookAtRevision: 'select version_num from alembic_version',
  missingPart: 'a Python module',
  outsideTransaction: 'op.get_context().autocommit_block()',
  // https://docs.sqlalchemy.org/en/20/changelog/migration_20.html: a first statement begins a transaction, which
  // alembic then takes for one that env.py ends itself.
  neverCommits: {
    why: 'env.py runs a statement before the migrations. With SQLAlchemy 2 that begins a transaction, which alembic leaves to env.py to commit.',
    fix: 'Call connection.commit() after that statement, or at the end of env.py, and try again.',
  },
  // An error line of Python or alembic; SQLAlchemy adds lines of advice after it.
  errorLine: /^[\w.]{0,200}(Error|Exception)\b.*: \S|^FAILED: /,
}

export const alembicLimits: MigratorLimits = { endsWithinMs: 65 * 60_000 }

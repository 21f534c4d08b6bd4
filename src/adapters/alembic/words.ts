import type { MigratorLimits, MigratorWords } from '../../release/ports/migrator.ts'

/** Alembic's words and facts for messages. */
export const alembicWords: MigratorWords = {
  name: 'alembic',
  programSetting: 'migrations.alembic',
  merge: 'alembic merge',
  lookAtRevision: 'select version_num from alembic_version',
  missingPart: 'a Python module',
  outsideTransaction: 'op.get_context().autocommit_block()',
  // An error line of Python or alembic; SQLAlchemy adds lines of advice after it.
  errorLine: /^[\w.]{0,200}(Error|Exception)\b.*: \S|^FAILED: /,
}

export const alembicLimits: MigratorLimits = { endsWithinMs: 65 * 60_000 }

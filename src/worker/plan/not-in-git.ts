/** Migrations that need files which git itself doesn't have: of Git LFS, or of a submodule. */
import { posix } from 'node:path'
import type { NotInGit } from '../../release/ports/git.ts'
import type { MigrationStatus, MigrationsAnswer } from '../../release/ports/migrator.ts'
import type { Refused } from '../service-errors.ts'

/** Refuses where a reason of the migrator's names a file or a submodule that the checkout lacks. */
export function missingFrom(
  { lfs, submodules }: NotInGit,
  status: MigrationsAnswer<MigrationStatus>,
): Refused | undefined {
  const reasons = reasonsOf(status)
  const files = lfs.filter((path) => reasons.some((reason) => namesFile(reason, path)))
  if (files.length > 0) return { refused: { gate: 'lfs_missing', files } }
  const needed = submodules.filter((path) => reasons.some((reason) => namesModule(reason, path)))
  return needed.length > 0 ? { refused: { gate: 'submodule_missing', submodules: needed } } : undefined
}

function reasonsOf(status: MigrationsAnswer<MigrationStatus>): readonly string[] {
  if (!status.ok) return status.why === 'unreadable' ? [status.detail] : []
  return status.value.pending.flatMap(({ preview }) =>
    preview !== undefined && 'notPreviewed' in preview ? [preview.notPreviewed] : [],
  )
}

/** Programs name a file by the path that they opened, of which at least its name is the same. */
function namesFile(reason: string, path: string): boolean {
  return reason.includes(path) || new RegExp(`(^|[/'" ])${escaped(posix.basename(path))}(['" ,;.]|$)`).test(reason)
}

/** A module of a submodule's name, or a file in its folder, is missing. */
function namesModule(reason: string, path: string): boolean {
  const name = escaped(posix.basename(path)).replaceAll(/[-_]/g, '[-_]')
  return reason.includes(`${path}/`) || new RegExp(`No module named ['"]?([\\w.]+\\.)?${name}\\b`, 'i').test(reason)
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The modal that requests a hot-fix: its risk, the commits, the reason, and a box to confirm. */

import type { ModalView } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { Release } from '../../release/release.ts'
import type { App } from '../../release/settings.ts'
import { MIN_REASON_LENGTH } from '../../release/terms.ts'
import { VIEW } from '../ids.ts'
import { plain, section } from './parts/blocks.ts'
import { called, place } from './parts/facts.ts'
import { frozenLine } from './parts/freeze.ts'
import { byWhom } from './parts/persons.ts'
import { selectField } from './parts/select.ts'
import { cut, defused } from './parts/text.ts'
import { STATE_VIEWS } from './state/index.ts'

/** The block_id, which is also the action_id, of each field. */
export const HOTFIX_FIELD = {
  app: 'app',
  environment: 'environment',
  commits: 'commits',
  reason: 'reason',
  sure: 'sure',
} as const
/** The value of the ticked checkbox. */
export const SURE = 'sure'

const SHOWN_SUPERSEDED = 10

export interface HotfixModalFacts {
  readonly apps: readonly App[]
  readonly metadata: string
  readonly filled?: { readonly app: string; readonly environment: string; readonly commits: readonly string[] }
  /** Releases that submitting for their environment ends. */
  readonly superseded: readonly Release[]
  /** What was typed before, where the modal is shown again because the environment is frozen: by these freezes. */
  readonly frozen?: { readonly names: readonly string[]; readonly reason: string; readonly isSure: boolean }
}

/** `/hotfix`: filled in with what was typed, or empty. */
export function hotfixModal({ apps, metadata, filled, superseded, frozen }: HotfixModalFacts): ModalView {
  const environments = [...new Set(apps.flatMap((app) => app.environments.map(({ name }) => name)))]
  const commits = filled?.commits.join(' ')
  const sure = { text: plain('I am sure that this cannot wait for regular review', 75), value: SURE }
  return {
    type: 'modal',
    callback_id: VIEW.hotfix,
    title: plain('Hot-fix', 24),
    submit: plain(frozen === undefined ? 'Plan the hot-fix' : 'Plan for an emergency', 24),
    close: plain('Go back', 24),
    private_metadata: metadata,
    blocks: [
      section([
        '*This is the last resort.* A picked commit skips regular review and makes the branches diverge, which someone has to clean up later.',
        'If it can wait for the next release, use `/deploy`.',
      ]),
      ...(frozen === undefined ? [] : [section(frozenLine(frozen.names, 'hot-fix'))]),
      ...superseded.slice(0, SHOWN_SUPERSEDED).map((release) => section(supersededLine(release))),
      selectField(
        HOTFIX_FIELD.app,
        {
          label: 'App',
          placeholder: 'Pick an app',
          chosen: filled?.app ?? (apps.length === 1 ? apps[0]?.name : undefined),
        },
        apps,
      ),
      selectField(
        HOTFIX_FIELD.environment,
        { label: 'Environment', placeholder: 'Pick an environment', chosen: filled?.environment },
        environments.map((name) => ({ name })),
      ),
      {
        type: 'input',
        block_id: HOTFIX_FIELD.commits,
        label: plain('Commits'),
        hint: plain('One is best. Several: oldest first, separated by spaces.', 2000),
        element: {
          type: 'plain_text_input',
          action_id: HOTFIX_FIELD.commits,
          multiline: true,
          max_length: 1000,
          placeholder: plain('7ad90f4', 150),
          ...defined({ initial_value: commits && cut(commits, 1000) }),
        },
      },
      {
        type: 'input',
        block_id: HOTFIX_FIELD.reason,
        label: plain('Reason'),
        hint: plain(`At least ${MIN_REASON_LENGTH} characters. Visible to everyone in the channel.`, 2000),
        element: {
          type: 'plain_text_input',
          action_id: HOTFIX_FIELD.reason,
          multiline: true,
          min_length: MIN_REASON_LENGTH,
          max_length: 1000,
          placeholder: plain('Why can’t it wait?', 150),
          ...defined({ initial_value: frozen && cut(frozen.reason, 1000) }),
        },
      },
      {
        type: 'input',
        block_id: HOTFIX_FIELD.sure,
        label: plain('Are you sure?'),
        element: {
          type: 'checkboxes',
          action_id: HOTFIX_FIELD.sure,
          options: [sure],
          ...defined({ initial_options: frozen?.isSure ? [sure] : undefined }),
        },
      },
    ],
  }
}

function supersededLine(release: Release): string {
  return `:warning: ${called(release)}, requested ${byWhom(release)}, ${STATE_VIEWS[release.state].inSentence}. Submitting for ${defused(place(release))} ends #${release.number}. You can plan it again afterwards.`
}

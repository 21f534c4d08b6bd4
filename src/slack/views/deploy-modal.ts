/** The modal that requests a release. `metadata` comes back with the submission as `private_metadata`. */
import type { ModalView } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { App, Environment, SignOffRules } from '../../release/settings.ts'
import { PREVIEW, VIEW } from '../ids.ts'
import { FIELD, modal } from './modals.ts'
import { actions, context, plain, section } from './parts/blocks.ts'
import { selectField } from './parts/select.ts'
import { counted, defused } from './parts/text.ts'
import { whenField } from './parts/when-field.ts'

/** `needs QA and 1 approval`, `no sign-off needed`. */
function signOffRules({ signOff }: Environment): string {
  if (signOff === undefined || (signOff.qa === 0 && signOff.approvals === 0)) return 'no sign-off needed'
  const qa = signOff.qa === 0 ? [] : [qaRule(signOff)]
  const approvals = signOff.approvals === 0 ? [] : [counted(signOff.approvals, 'approval')]
  return `needs ${[...qa, ...approvals].join(' and ')}`
}

function qaRule({ qa }: SignOffRules): string {
  if (qa === 'each change') return 'QA of each change'
  return qa === 1 ? 'QA' : `QA by ${qa}`
}

/** `/deploy` alone: **App**, chosen where there is one, **Environment**, and **Preview**. `note`: what a press of it did. */
export function deployModal({
  apps,
  metadata,
  chosen = {},
  note,
  held = [],
}: {
  readonly apps: readonly App[]
  readonly metadata: string
  readonly chosen?: { readonly app?: string; readonly environment?: string; readonly when?: string }
  readonly note?: string
  /** What holds releases back at the moment, such as locks: a section each, in mrkdwn. */
  readonly held?: readonly string[]
}): ModalView {
  const [only, another] = apps
  const app = chosen.app ?? (another === undefined ? only?.name : undefined)
  const environments = apps.flatMap((app) => app.environments)
  const names = [...new Set(environments.map(({ name }) => name))]
  const described = names.map((name) => {
    const rules = new Set(environments.filter((one) => one.name === name).map(signOffRules))
    const [only] = rules
    return { name, description: rules.size === 1 ? only : undefined }
  })
  return modal({
    callback: VIEW.deploy,
    title: 'Request a release',
    submit: 'Request',
    close: 'Cancel',
    metadata,
    blocks: [
      selectField(FIELD.app, { label: 'App', placeholder: 'Pick an app', chosen: app }, apps),
      selectField(
        FIELD.environment,
        { label: 'Environment', placeholder: 'Pick an environment', chosen: chosen.environment },
        described,
      ),
      ...held.map((line) => section(line)),
      whenField({
        hint: 'It is planned now, keeps to these commits, and starts by itself then. At most 7 days ahead.',
        optional: true,
        ...defined({ chosen: chosen.when === undefined ? undefined : Number(chosen.when) }),
      }),
      ...actions([{ type: 'button', action_id: PREVIEW, text: plain('Preview', 75) }]),
      ...(note === undefined ? [] : [section(defused(note, 1000))]),
      context('Signoff first makes a plan, which changes nothing. Sign-offs are then requested in the channel.'),
    ],
  })
}

/** The messages of refusals by the repository, the remote, the database, a service or the configuration. */
import type { CheckStatus } from '../../release/plan.ts'
import type { Denied, Refusal } from '../../release/refusals.ts'
import { FORGE_UNREACHABLE, type ForgeUnreachable } from '../../release/stored-names.ts'
import { channelUnreachable } from './channel-refusal.ts'
import { bold, code, commitLink, type Line, richLink } from './parts/blocks.ts'
import { allowedPeople } from './parts/people.ts'
import { counted, cut, oneLine, short } from './parts/text.ts'
import { displayName, type Hints, platformWords, quoteOutput, truncated, type Words } from './parts/words.ts'

function unreachable(what: string, detail: string, ...next: Line[]): Words {
  return { why: `${what} did not answer (3 tries)`, next, ...quoteOutput(detail) }
}

/** Asked once: the answer stays the same until a setting is fixed. */
function unusable(what: string, detail: string, ...next: Line[]): Words {
  return { why: `${what} gave an unexpected answer`, next, ...quoteOutput(detail) }
}

/** A fact before or after a change: commits by their seven digits, everything else in full. */
function shown(fact: string): string {
  return /^[0-9a-f]{40}$/.test(fact) ? short(fact) : cut(oneLine(fact), 60) || 'nothing'
}

/** Checks are the only gate here that an emergency waives. */
function inAnEmergency({ emergencyBy, ...people }: Hints): Line[] {
  if (emergencyBy === undefined) return []
  const who = emergencyBy === 'every full member' ? ['any full member'] : allowedPeople(emergencyBy, people)
  return [
    [
      'If this can’t wait: ',
      bold('Must go out now…'),
      ' deploys without the checks. It can be pressed by ',
      ...who,
      '.',
    ],
    [bold('Plan for an emergency'), ' makes a new release whose card has that button.'],
  ]
}

/** The words for checks that have not all passed. */
export function checksWords(checks: readonly CheckStatus[]): { readonly why: string; readonly list: readonly Line[] } {
  if (checks.length === 0) return { why: 'no check has reported on the commit', list: [] }
  const bad = checks.filter(({ state }) => state !== 'passed')
  return {
    why: `${counted(bad.length, 'check')} did not pass`,
    list: truncated(bad, ({ name: check, state, url }) => [
      richLink(url, cut(oneLine(check), 64) || 'check'),
      ` ${state}`,
    ]),
  }
}

function settingNames(settings: readonly string[]): Line {
  return settings.flatMap((setting, index) => [index === 0 ? '' : ' or ', code(setting)])
}

/** The name comes first: a wrong one is more common than a wrong credential. */
function deniedWords({ why, what, name, keys, settings }: Denied, detail: string | undefined): Words {
  const it = `the ${what} ${cut(oneLine(name), 120)}`
  return {
    why: why === 'not found' ? `${it} was not found` : `the worker’s credentials have no access to ${it}`,
    ...quoteOutput(detail),
    next: [
      ['Check the name first: ', ...settingNames(keys), ' in ', code('releases.yml'), '.'],
      ['If it is right, give the user of ', ...settingNames(settings), ` access to the ${what}, then try again.`],
    ],
  }
}

type ServiceGate =
  | 'repository_unreachable'
  | 'remote_unreachable'
  | 'database_unreachable'
  | ForgeUnreachable
  | 'platform_unreachable'
  | 'credentials_refused'
  | 'channel_unreachable'
  | 'configuration_differs'
  | 'nothing_to_release'
  | 'checks_failed'
  | 'plan_outdated'

export const SERVICE_REFUSALS: {
  readonly [G in ServiceGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  repository_unreachable: ({ url, detail, answered, denied }) =>
    denied !== undefined
      ? deniedWords(denied, detail)
      : answered
        ? unusable('the repository’s server', detail, [
            'Check that ',
            code(url),
            ' is the repository (from ',
            code('git_url'),
            ' or ',
            code('repository'),
            ' in ',
            code('releases.yml'),
            ') and that the token can see it, then try again.',
          ])
        : unreachable('the repository', detail, [
            'Check that the worker’s host can reach ',
            code(url),
            ', then try again.',
          ]),
  remote_unreachable: ({ remote, detail, answered, denied }) =>
    denied !== undefined
      ? deniedWords(denied, detail)
      : answered
        ? unusable(`the remote ${displayName(remote)}`, detail, [
            'Check that ',
            code('remote.url'),
            ' in ',
            code('releases.yml'),
            ' is right and that its account has access, then try again.',
          ])
        : unreachable(`the remote ${displayName(remote)}`, detail, [
            'Check the platform’s status page and the network path from the worker (',
            code(`git ls-remote ${displayName(remote)}`),
            '), then try again.',
          ]),
  database_unreachable: ({ database, detail }) =>
    unreachable(
      `the database ${displayName(database)}`,
      detail,
      ['Check that the database is up and that the worker’s host can connect.'],
      ['If its password was rotated, update the ', code('env_file'), ' on the worker’s host.'],
    ),
  [FORGE_UNREACHABLE]: ({ detail, answered, denied }, { services }) => {
    if (denied !== undefined) return deniedWords(denied, detail)
    const { name, addressSetting, oddAnswers } = services.forge
    if (!answered) return unreachable(name, detail, [`Check ${name}’s status page, then try again.`])
    return unusable(name, detail, [
      'Check ',
      code('repository'),
      ' in ',
      code('releases.yml'),
      ' and ',
      code(addressSetting),
      ` on the worker’s host, then try again.${oddAnswers === undefined ? '' : ` ${oddAnswers}`}`,
    ])
  },
  platform_unreachable: (refusal, hints) => {
    const { app, detail, answered, denied } = refusal
    if (denied !== undefined) return deniedWords(denied, detail)
    const { name, addressSetting } = platformWords(hints, refusal)
    const what = `${name}’s API for ${displayName(app)}`
    if (!answered) return unreachable(what, detail, [`Check ${name}’s status page, then try again.`])
    return unusable(what, detail, [
      'Check ',
      code('remote.app'),
      ' in ',
      code('releases.yml'),
      ...(addressSetting === undefined ? [] : [' and ', code(addressSetting), ' on the worker’s host']),
      ', then try again.',
    ])
  },
  credentials_refused: (refusal, hints) => {
    const { service, settings, denied, apiAccepts } = refusal
    if (denied !== undefined) return deniedWords(denied, undefined)
    const renew: Line = [
      'On the worker’s host, renew ',
      ...settingNames(settings),
      ', restart the worker, and check with ',
      code('signoff doctor'),
      '.',
    ]
    if (!apiAccepts) return { why: `${displayName(service)} rejects the worker’s credentials`, next: [renew] }
    const { name, statusPage = '' } = platformWords(hints, refusal)
    return {
      why: `${displayName(service)} rejects the worker’s credentials, but ${name}’s API accepts them`,
      next: [
        [`${name}’s git may have an incident: check `, code(statusPage), ', then try again.'],
        ['If there is no incident: ', ...renew],
      ],
    }
  },
  channel_unreachable: channelUnreachable,
  configuration_differs: ({ app, environment }) => ({
    why: `bot and worker have different configurations of ${app} ${environment}`,
    next: [['Put the same ', code('releases.yml'), ' on both hosts, then restart both.']],
  }),
  nothing_to_release: ({ app, environment, commit, platform }, { services, webUrl }) => ({
    why: 'there is nothing to release',
    next: [
      [`Live on ${app} ${environment}: `, commitLink(services, webUrl, commit), '. No migration is pending.'],
      [
        [services.platforms[platform].sameCommit, 'Check that your change is merged, then try again.']
          .filter(Boolean)
          .join(' '),
      ],
    ],
  }),
  checks_failed: ({ checks }, hints) => {
    const advice =
      checks.length === 0
        ? 'This environment requires checks. Wait until the build has reported, then try again.'
        : 'Fix or rerun the failed checks, then try again.'
    return { ...checksWords(checks), next: [[advice], ...inAnEmergency(hints)] }
  },
  plan_outdated: ({ moved }) => ({
    why:
      moved.length === 0
        ? 'the facts of the plan changed'
        : `${moved
            .slice(0, 3)
            .map(({ what }) => displayName(what))
            .join(', ')} changed since the plan was made`,
    list: truncated(moved, ({ what, from, to }) => [`${displayName(what)}: ${shown(from)} → ${shown(to)}`]),
    next: [[bold('Plan again'), ' makes a new release from the current state.']],
  }),
}

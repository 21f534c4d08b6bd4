import { type Answer, isTrue, type Method, page, refuse } from './answers.ts'
import { userShape } from './payload-shapes.ts'
import { type Group, type Json, type State, string, type User } from './state.ts'

const people = (state: State, users: string[]) => users.filter((id) => state.users.get(id)?.deleted === false)

function groupShape(state: State, group: Group, withUsers: boolean): Json {
  const users = people(state, group.users)
  return {
    id: group.id,
    team_id: state.identity.teamId,
    is_usergroup: true,
    name: group.name,
    handle: group.handle,
    description: '',
    is_external: false,
    date_delete: group.isDisabled ? 1_700_000_000 : 0,
    user_count: users.length,
    ...(withUsers ? { users } : {}),
  }
}

function usersInGroup(args: Json, state: State): Answer {
  const group = state.groups.get(string(args.usergroup))
  return group ? { ok: true, users: people(state, group.users) } : refuse('no_such_subteam')
}

export function directoryMethods({ origin, scopes }: { origin: string; scopes: string[] }): Record<string, Method> {
  const withEmail = scopes.includes('users:read.email')
  const answerUser = (user: User | undefined, missing: string): Answer =>
    user ? { ok: true, user: userShape(user, { withEmail }) } : refuse(missing)

  return {
    'auth.test': {
      run: (_args, { identity }) => ({
        ok: true,
        url: `${origin}/`,
        team: identity.teamName,
        user: identity.botName,
        team_id: identity.teamId,
        user_id: identity.botUserId,
        bot_id: identity.botId,
        ...(identity.enterpriseId === undefined ? {} : { enterprise_id: identity.enterpriseId }),
        is_enterprise_install: false,
      }),
    },
    'users.info': {
      scope: ['users:read'],
      required: ['user'],
      run: (args, state) => answerUser(state.users.get(string(args.user)), 'user_not_found'),
    },
    'users.list': {
      scope: ['users:read'],
      run(args, state) {
        const found = page([...state.users.values()], args, 1000)
        if (!found) return refuse('invalid_cursor')
        const members = found.items.map((user) => userShape(user, { withEmail }))
        return { ok: true, members, cache_ts: Math.floor(state.now() / 1000), response_metadata: found.metadata }
      },
    },
    'users.lookupByEmail': {
      scope: ['users:read.email'],
      required: ['email'],
      run(args, state) {
        const email = string(args.email).toLowerCase()
        const isIt = (user: User) => user.email?.toLowerCase() === email && !user.deleted && !user.external && !user.bot
        return answerUser([...state.users.values()].find(isIt), 'users_not_found')
      },
    },
    'usergroups.list': {
      scope: ['usergroups:read'],
      run: (args, state) => ({
        ok: true,
        usergroups: [...state.groups.values()]
          .filter((group) => !group.isDisabled || isTrue(args.include_disabled))
          .map((group) => groupShape(state, group, isTrue(args.include_users))),
      }),
    },
    'usergroups.users.list': { scope: ['usergroups:read'], required: ['usergroup'], run: usersInGroup },
    'bots.info': {
      scope: ['users:read'],
      run(args, { identity }) {
        if (args.bot !== undefined && args.bot !== identity.botId) return refuse('bot_not_found')
        const { botId, appId, botUserId, botName } = identity
        return { ok: true, bot: { id: botId, app_id: appId, user_id: botUserId, name: botName, deleted: false } }
      },
    },
    'team.info': {
      scope: ['team:read'],
      run: (_args, { identity }) => ({
        ok: true,
        team: { id: identity.teamId, name: identity.teamName, domain: identity.teamDomain, email_domain: '' },
      }),
    },
  }
}

import type { CommitFacts } from './commits.ts'
import { openTasks } from './merge-rules.ts'
import type { BitbucketState, BranchRestriction, Comment, CommitStatus, Identity, PullRequest } from './state.ts'

/** Builds the JSON of Bitbucket's REST API 2.0 from the state. */
export function createDrawing(options: {
  apiOrigin: () => string
  gitUrl: () => string
  repository: string
  state: Pick<BitbucketState, 'strategies' | 'model'>
}) {
  const { repository, state } = options
  const web = `https://bitbucket.org/${repository}`
  const api = () => `${options.apiOrigin()}/2.0/repositories/${repository}`
  const link = (href: string) => ({ href })
  const slug = repository.split('/')[1] ?? ''

  const identity = (one: Identity) => ({
    type: one.kind,
    uuid: one.uuid,
    display_name: one.displayName,
    nickname: one.nickname,
    account_id: `557058:${one.uuid.slice(1, -1)}`,
    links: { self: link(`${options.apiOrigin()}/2.0/users/${encodeURIComponent(one.uuid)}`) },
  })

  const shortRepository = () => ({
    type: 'repository',
    full_name: repository,
    name: slug,
    uuid: '{3f0c1a52-8c1e-4f77-9a51-5c2f6f6d3a10}',
    links: { self: link(api()), html: link(web) },
  })

  const strategies = (branch: string) => {
    const allowed = state.strategies[branch] ?? ['merge_commit']
    return { merge_strategies: [...allowed].sort(), default_merge_strategy: allowed[0] }
  }

  // Pull requests show 12 digits of a commit; commits and branches show all.
  const end = (one: { branch: string; sha: string }, more: object = {}) => ({
    branch: { name: one.branch, links: {}, ...more },
    commit: {
      type: 'commit',
      hash: one.sha.slice(0, 12),
      links: { self: link(`${api()}/commit/${one.sha.slice(0, 12)}`) },
    },
    repository: shortRepository(),
  })

  const participant = (user: Identity, state: 'approved' | 'changes_requested') => ({
    type: 'participant',
    user: identity(user),
    role: 'PARTICIPANT',
    approved: state === 'approved',
    state,
  })

  const content = (raw: string) => ({
    type: 'rendered',
    raw,
    markup: 'markdown',
    html: `<p>${raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</p>`,
  })

  return {
    identity,

    repository: () => ({
      ...shortRepository(),
      slug,
      scm: 'git',
      is_private: true,
      description: '',
      mainbranch: { type: 'branch', name: 'master' },
      workspace: { type: 'workspace', slug: repository.split('/')[0] },
      links: {
        self: link(api()),
        html: link(web),
        pullrequests: link(`${api()}/pullrequests`),
        clone: [{ name: 'https', href: options.gitUrl() }],
      },
    }),

    commit: (facts: CommitFacts) => ({
      type: 'commit',
      hash: facts.sha,
      date: facts.date,
      message: facts.message,
      summary: content(facts.message.trimEnd()),
      author: { type: 'author', raw: facts.author },
      parents: facts.parents.map((hash) => ({
        type: 'commit',
        hash,
        links: { self: link(`${api()}/commit/${hash}`) },
      })),
      repository: shortRepository(),
      links: { self: link(`${api()}/commit/${facts.sha}`), html: link(`${web}/commits/${facts.sha}`) },
    }),

    branch(name: string, facts: CommitFacts) {
      return {
        type: 'branch',
        name,
        target: this.commit(facts),
        ...strategies(name),
        links: { self: link(`${api()}/refs/branches/${name}`), html: link(`${web}/branch/${name}`) },
      }
    },

    pullRequest(one: PullRequest, comments: number) {
      const self = `${api()}/pullrequests/${one.id}`
      return {
        type: 'pullrequest',
        id: one.id,
        title: one.title,
        description: one.description,
        summary: content(one.description),
        state: one.state,
        draft: one.draft,
        queued: false,
        source: end(one.source),
        destination: end(one.destination, strategies(one.destination.branch)),
        merge_commit: one.mergeCommit === null ? null : { type: 'commit', hash: one.mergeCommit.slice(0, 12) },
        close_source_branch: one.closeSourceBranch,
        author: identity(one.author),
        closed_by: one.closedBy === null ? null : identity(one.closedBy),
        reason: one.reason,
        comment_count: comments,
        task_count: openTasks(one),
        reviewers: [],
        participants: [
          ...one.approvedBy.map((user) => participant(user, 'approved')),
          ...(one.changesRequestedBy ?? []).map((user) => participant(user, 'changes_requested')),
        ],
        created_on: one.createdOn,
        updated_on: one.updatedOn,
        links: {
          self: link(self),
          html: link(`${web}/pull-requests/${one.id}`),
          merge: link(`${self}/merge`),
          decline: link(`${self}/decline`),
          comments: link(`${self}/comments`),
          commits: link(`${self}/commits`),
          statuses: link(`${self}/statuses`),
        },
      }
    },

    comment(one: Comment) {
      const isOnPullRequest = 'pullRequest' in one.on
      const self = 'pullRequest' in one.on ? `pullrequests/${one.on.pullRequest}` : `commit/${one.on.commit}`
      return {
        type: isOnPullRequest ? 'pullrequest_comment' : 'commit_comment',
        id: one.id,
        content: content(one.deleted ? '' : one.raw),
        user: identity(one.user),
        created_on: one.createdOn,
        updated_on: one.updatedOn,
        deleted: one.deleted,
        ...('pullRequest' in one.on
          ? { pending: false, pullrequest: { type: 'pullrequest', id: one.on.pullRequest } }
          : { commit: { type: 'commit', hash: one.on.commit } }),
        links: { self: link(`${api()}/${self}/comments/${one.id}`), html: link(`${web}/${self}#comment-${one.id}`) },
      }
    },

    status: (one: CommitStatus) => ({
      type: 'build',
      key: one.key,
      name: one.name,
      state: one.state,
      url: one.url,
      description: one.description,
      created_on: one.createdOn,
      updated_on: one.updatedOn,
      links: {
        self: link(`${api()}/commit/${one.commit}/statuses/build/${encodeURIComponent(one.key)}`),
        commit: link(`${api()}/commit/${one.commit}`),
      },
    }),

    restriction: (one: BranchRestriction) => ({
      type: 'branchrestriction',
      id: one.id,
      kind: one.kind,
      branch_match_kind: one.branchType === undefined ? 'glob' : 'branching_model',
      ...(one.branchType !== undefined && { branch_type: one.branchType }),
      pattern: one.pattern,
      value: one.value,
      users: one.users.map((uuid) => ({ type: 'user', uuid })),
      groups: [],
      links: { self: link(`${api()}/branch-restrictions/${one.id}`) },
    }),

    defaultReviewer: (one: Identity) => ({
      type: 'default_reviewer',
      reviewer_type: 'repository',
      user: identity(one),
    }),

    model: () => {
      const named = (name: string | undefined) =>
        name === undefined ? null : { name, use_mainbranch: false, branch: { type: 'branch', name } }
      return {
        type: 'effective_repository_branching_model',
        branch_types: [{ kind: 'feature', prefix: 'feature/' }],
        development: named(state.model.development ?? 'master'),
        production: named(state.model.production),
      }
    },

    task: (pullRequest: number, task: string) => link(`${api()}/pullrequests/${pullRequest}/merge/task-status/${task}`),
  }
}

export type Drawing = ReturnType<typeof createDrawing>

/**
 * What we use of the `bitbucket` package 2.12.0. Its own declarations lead into its TypeScript sources, which are
 * checked with our compiler options and fail there.
 */
type Endpoint = (
  parameters: Record<string, unknown>,
) => Promise<{ data: unknown; status: number; headers: Record<string, string | undefined> }>

export interface APIClient {
  readonly branchrestrictions: { readonly list: Endpoint }
  readonly commitstatuses: { readonly list: Endpoint }
  readonly pullrequests: Readonly<
    Record<
      'create' | 'createComment' | 'decline' | 'get' | 'getMergeTaskStatus' | 'list' | 'listComments' | 'merge',
      Endpoint
    >
  >
  readonly repositories: { readonly createCommitComment: Endpoint; readonly listCommitComments: Endpoint }
  readonly request: (
    route: string | { method: string; url: string },
    parameters?: Record<string, unknown>,
  ) => ReturnType<Endpoint>
}

declare const bitbucketPackage: {
  readonly Bitbucket: new (options: {
    baseUrl: string
    notice: boolean
    auth: { token: string } | { username: string; password: string }
    request: { fetch: unknown }
  }) => APIClient
}
export default bitbucketPackage

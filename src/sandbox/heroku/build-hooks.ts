import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { git } from '../bare-git.ts'
import type { PushHandling } from '../git-http.ts'
import type { App, AppReleases } from './app-releases.ts'

// Both hooks exchange files with the server in one directory per push; http-backend passes its path on.
const PRE_RECEIVE = `#!/bin/sh
[ -n "$SANDBOX_PUSH" ] || exit 0
builds=no
while read -r old new ref; do
  case "$ref" in refs/heads/master | refs/heads/main) builds=yes commit=$new ;; esac
done
if [ "$builds" = no ]; then
  echo 'Pushed to non-main branch, skipping build.'
  exit 0
fi
echo "$commit" > "$SANDBOX_PUSH/built"
if [ -e "$SANDBOX_PUSH/needs-manifest" ] && ! git cat-file -e "$commit:heroku.yml" 2> "$SANDBOX_PUSH/looked"; then
  cat "$SANDBOX_PUSH/needs-manifest"
  exit 1
fi
cat "$SANDBOX_PUSH/build-output"
exit "$(cat "$SANDBOX_PUSH/build-exit")"
`

const POST_RECEIVE = `#!/bin/sh
[ -n "$SANDBOX_PUSH" ] || exit 0
cat > "$SANDBOX_PUSH/moved.part"
mv "$SANDBOX_PUSH/moved.part" "$SANDBOX_PUSH/moved"
for part in released settled; do
  while [ -d "$SANDBOX_PUSH" ] && [ ! -e "$SANDBOX_PUSH/$part" ]; do sleep 0.02; done
  cat "$SANDBOX_PUSH/$part"
done
exit 0
`

const LOOK_EVERY_MS = 10

const buildOutput = (warning: string) => `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
${warning}-----> Using buildpack: heroku/python
-----> Python app detected
-----> Installing requirements with pip
-----> Discovering process types
       Procfile declares types -> release, web

-----> Compressing...
       Done: 58.3M
`

/** The container stack: https://devcenter.heroku.com/articles/build-docker-images-heroku-yml */
const noManifestOutput = (app: string) => `Compressing source files... done.
Building source:

!     Your app does not include a heroku.yml build manifest. To deploy your app, either create a heroku.yml: https://devcenter.heroku.com/articles/build-docker-images-heroku-yml
!     Or change your stack by running: 'heroku stack:set heroku-24'
!     Push failed
Verifying deploy...

!	Push rejected to ${app}.

`

const failedBuildOutput = (app: string, output: string, warning: string) => `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
${warning}-----> Using buildpack: heroku/python
-----> Python app detected
${output.trimEnd()}

 !     Push rejected, failed to compile Python app.

 !     Push failed
Verifying deploy...

!	Push rejected to ${app}.

`

/** Installs the hooks that turn a push to an app's main branch into a build. Safe to repeat. */
export async function installBuildHooks(bare: string): Promise<void> {
  await mkdir(join(bare, 'hooks'), { recursive: true })
  for (const [name, text] of [
    ['pre-receive', PRE_RECEIVE],
    ['post-receive', POST_RECEIVE],
  ] as const) {
    await writeFile(join(bare, 'hooks', name), text)
    await chmod(join(bare, 'hooks', name), 0o755)
  }
}

/** Whether the Procfile of a commit declares a release command. */
export async function declaresReleasePhase(bare: string, commit: string): Promise<boolean> {
  const procfile = await git(bare, ['cat-file', 'blob', `${commit}:Procfile`], { accept: [0, 128] })
  return /^release:/m.test(procfile.stdout)
}

/** How the hook of a push declines it: after a build that failed with this output, or with exactly these words. */
export type Declined = { build: string } | { words: string }

/**
 * Prepares one push to an app: the build that its hook shows, and the release that follows when the main branch has moved.
 * `warning` stands at the beginning of every build.
 */
export async function prepareBuild(
  call: { pushes: string; bare: string; app: App; declined: Declined | undefined; warning: string },
  releases: AppReleases,
): Promise<PushHandling> {
  const { app, bare, declined, warning } = call
  const directory = await mkdtemp(join(call.pushes, 'push-'))
  const output =
    declined === undefined
      ? buildOutput(warning)
      : 'words' in declined
        ? declined.words
        : failedBuildOutput(app.name, declined.build, warning)
  await writeFile(join(directory, 'build-output'), output)
  await writeFile(join(directory, 'build-exit'), declined === undefined ? '0' : '1')

  if (app.stack === 'container') await writeFile(join(directory, 'needs-manifest'), noManifestOutput(app.name))

  let following: Promise<void> | undefined
  const follow = () => {
    if (following === undefined && existsSync(join(directory, 'moved'))) following = followMove()
    return following
  }
  const looking = setInterval(() => void follow()?.catch(() => {}), LOOK_EVERY_MS)

  async function followMove(): Promise<void> {
    const lines = (await readFile(join(directory, 'moved'), 'utf8')).split('\n').filter((line) => line !== '')
    let released = ''
    let settled = ''
    let wait: Promise<void> = Promise.resolve()
    for (const line of lines) {
      const [from = '', to = '', ref = ''] = line.split(' ')
      releases.refMoved(app, ref, from, to, 'push')
      if (!/^refs\/heads\/(master|main)$/.test(ref) || /^0+$/.test(to)) continue
      const slug = releases.addSlug(app, to)
      const phase = await declaresReleasePhase(bare, to)
      const description = `Deploy ${to.slice(0, 8)}`
      const made = releases.addRelease(app, { slug, description, phase, by: 'push' })
      const { release } = made
      releases.addBuild(app, { commit: to, status: 'succeeded', slugId: slug.id, releaseId: release.id, output })
      const declared =
        ' !     Release command declared: this new release will not be available until the command succeeds.\n'
      const version = `       Released v${release.version}\n       https://${app.name}.herokuapp.com/ deployed to Heroku\n`
      released = `-----> Launching...\n${phase ? declared : ''}${version}\nVerifying deploy... done.\n`
      if (!phase && release.status === 'succeeded') continue
      released += 'Running release command...\n\n'
      wait = (made.pushWaits ? made.settled : Promise.resolve()).then(() => {
        const verdict = { pending: '', succeeded: ' done.', failed: ' failed.' }[release.status]
        settled = `${release.output}Waiting for release....${verdict}\n`
      })
    }
    await writePart('released', released)
    await wait
    await writePart('settled', settled)
  }

  async function writePart(part: string, text: string): Promise<void> {
    // Written to another file first, so that the hook never reads half of it.
    const file = join(directory, part)
    await writeFile(`${file}.part`, text)
    await rename(`${file}.part`, file)
  }

  return {
    environment: { SANDBOX_PUSH: directory },
    async ended() {
      clearInterval(looking)
      await follow()
      if (declined !== undefined && 'build' in declined && existsSync(join(directory, 'built'))) {
        const commit = (await readFile(join(directory, 'built'), 'utf8')).trim()
        releases.addBuild(app, { commit, status: 'failed', slugId: null, releaseId: null, output })
      }
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** How pushes to Heroku end, as people have reported them, and the line that an engineer would pick from each. */
export interface PushEnding {
  readonly name: string
  /** Whose cause it is. */
  readonly by: 'build' | 'platform' | 'rule'
  readonly line: string
  /** Without git's `remote: `. git's own lines follow. */
  readonly output: string
}

const REJECTED = `
 !     Push failed
Verifying deploy...

!	Push rejected to api-production.
`
const failedToCompile = (what: string) => `
 !     Push rejected, failed to compile ${what} app.
${REJECTED}`
const START = `Compressing source files... done.
Building source:
`
const NODE_FAREWELL = `-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       If you're stuck, please submit a ticket so we can help:
       https://help.heroku.com/

       Love,
       Heroku
`
const EOL_WARNING = ` !   Your app is using the Heroku-20 stack, which will be end-of-life on April 30th, 2025.
 !
 !   Builds on Heroku-20 will not be possible from May 1st, 2025.
 !
 !   Please upgrade the stack of your app as soon as possible:
 !   https://devcenter.heroku.com/articles/upgrading-to-the-latest-stack
 !
 !   THIS IS A ONE-OFF NOTICE. THE NEXT DEPLOY WILL FUNCTION WITHOUT INTERRUPTION.
`

export const PUSH_ENDINGS: readonly PushEnding[] = [
  // --------------------------------------------------------------------------------------------- the build: Python
  {
    name: 'Python: a version that does not exist',
    by: 'build',
    line: 'ERROR: Could not find a version that satisfies the requirement flask==99 (from versions: 0.1, 3.1.2)',
    output: `${START}
-----> Building on the Heroku-24 stack
-----> Using buildpack: heroku/python
-----> Python app detected
-----> Installing requirements with pip
       Collecting uvicorn==0.30.1
       ERROR: Could not find a version that satisfies the requirement flask==99 (from versions: 0.1, 3.1.2)
       ERROR: No matching distribution found for flask==99

 !     Error: Unable to install dependencies using pip.
 !
 !     See the log output above for more information.
${failedToCompile('Python')}`,
  },
  {
    name: 'Python: collectstatic needs a setting',
    by: 'build',
    line: 'django.core.exceptions.ImproperlyConfigured: Set the SECRET_KEY environment variable',
    output: `${START}
-----> Building on the Heroku-24 stack
-----> Python app detected
-----> $ python manage.py collectstatic --noinput
       Traceback (most recent call last):
         File "/tmp/build_1f/manage.py", line 22, in <module>
           main()
       django.core.exceptions.ImproperlyConfigured: Set the SECRET_KEY environment variable

 !     Error while running '$ python manage.py collectstatic --noinput'.
       See traceback above for details.

       You may need to update application code to resolve this error.
       Or, you can disable collectstatic for this application:

          $ heroku config:set DISABLE_COLLECTSTATIC=1

       https://devcenter.heroku.com/articles/django-assets
${failedToCompile('Python')}`,
  },
  {
    name: 'Python: a runtime that the stack does not have',
    by: 'build',
    line: 'Error: The requested Python version is not recognised.',
    output: `${START}
-----> Building on the Heroku-24 stack
-----> Python app detected
-----> Using Python 3.6.15 specified in runtime.txt

 !     Error: The requested Python version is not recognised.
 !
 !     Please switch to a newer Python version by updating your runtime.txt.
${failedToCompile('Python')}`,
  },
  {
    name: 'Python: no line that reports an error',
    by: 'build',
    line: 'Push rejected, failed to compile Python app.',
    output: `${START}
-----> Building on the Heroku-24 stack
-----> Using buildpack: heroku/python
-----> Python app detected
${failedToCompile('Python')}`,
  },
  // ----------------------------------------------------------------------------------------------- the build: Node
  {
    name: 'Node: a lockfile that does not fit',
    by: 'build',
    line: 'npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.',
    output: `${START}
-----> Building on the Heroku-24 stack
-----> Node.js app detected
-----> Installing dependencies
       Installing node modules
       npm error code EUSAGE
       npm error
       npm error \`npm ci\` can only install packages when your package.json and package-lock.json are in sync.
       npm error
       npm error Missing: left-pad@1.3.0 from lock file
       npm error A complete log of this run can be found in: /tmp/npmcache.Xa/_logs/debug-0.log
${NODE_FAREWELL}
${failedToCompile('Node.js')}`,
  },
  {
    name: 'Node: a type that does not fit',
    by: 'build',
    line: "src/server.ts(14,7): error TS2322: Type 'string' is not assignable to type 'number'.",
    output: `${START}
-----> Node.js app detected
-----> Build
       Running build

       > api@1.0.0 build
       > tsc

       src/server.ts(14,7): error TS2322: Type 'string' is not assignable to type 'number'.
       src/worker.ts(3,1): error TS2304: Cannot find name 'queue'.
       npm error code 2
       npm error path /tmp/build_7c
       npm error command failed
       npm error command sh -c tsc
${NODE_FAREWELL}
${failedToCompile('Node.js')}`,
  },
  {
    name: 'Node: webpack misses a module',
    by: 'build',
    line: "Module not found: Error: Can't resolve './digest' in '/tmp/build_7c/src'",
    output: `${START}
-----> Node.js app detected
       ERROR in ./src/index.js 3:0-30
       Module not found: Error: Can't resolve './digest' in '/tmp/build_7c/src'
       webpack 5.91.0 compiled with 1 error in 9124 ms
       npm ERR! code ELIFECYCLE
       npm ERR! errno 1
       npm ERR! api@1.0.0 build: \`webpack\`
       npm ERR! Exit status 1
${NODE_FAREWELL}
${failedToCompile('Node.js')}`,
  },
  {
    name: 'Node: pnpm with a frozen lockfile',
    by: 'build',
    line: 'ERR_PNPM_OUTDATED_LOCKFILE Cannot install with "frozen-lockfile" because pnpm-lock.yaml is not up to date with package.json',
    output: `${START}
-----> Node.js app detected
-----> Installing dependencies
       ERR_PNPM_OUTDATED_LOCKFILE Cannot install with "frozen-lockfile" because pnpm-lock.yaml is not up to date with package.json

       Note that in CI environments this setting is true by default.
${NODE_FAREWELL}
${failedToCompile('Node.js')}`,
  },
  // ----------------------------------------------------------------------------------------------- the build: Ruby
  {
    name: 'Ruby: assets do not compile',
    by: 'build',
    line: 'NameError: uninitialized constant Rack::Attack',
    output: `${START}
-----> Building on the Heroku-24 stack
-----> Ruby app detected
-----> Preparing app for Rails asset pipeline
       Running: rake assets:precompile
       rake aborted!
       NameError: uninitialized constant Rack::Attack
       /tmp/build_9a/config/application.rb:21:in \`<class:Application>'
       /tmp/build_9a/Rakefile:6:in \`<main>'
       (See full trace by running task with --trace)

 !
 !     Precompiling assets failed.
 !
${failedToCompile('Ruby')}`,
  },
  {
    name: 'Ruby: a gem that is gone',
    by: 'build',
    line: "Could not find gem 'mimemagic (= 0.3.5)' in rubygems repository https://rubygems.org/ or installed locally.",
    output: `${START}
-----> Ruby app detected
-----> Installing dependencies using bundler 2.5.6
       Running: BUNDLE_WITHOUT='development:test' bundle install -j4
       Fetching gem metadata from https://rubygems.org/.......
       Could not find gem 'mimemagic (= 0.3.5)' in rubygems repository https://rubygems.org/ or installed locally.
       Bundler Output: Fetching gem metadata from https://rubygems.org/.......

 !
 !     Failed to install gems via Bundler.
 !
${failedToCompile('Ruby')}`,
  },
  {
    name: 'Ruby: only what the buildpack says',
    by: 'build',
    line: 'An error occurred while installing ruby-3.0.0',
    output: `${START}
-----> Ruby app detected

 !
 !     An error occurred while installing ruby-3.0.0
 !
 !     This version of Ruby is not available on Heroku-24. The minimum supported version
 !     of Ruby on the Heroku-24 stack can be found at:
 !
 !     https://devcenter.heroku.com/articles/ruby-support#supported-runtimes
 !
${failedToCompile('Ruby')}`,
  },
  // ----------------------------------------------------------------------------------------------- the build: Java
  {
    name: 'Java: Maven does not compile',
    by: 'build',
    line: '[ERROR] /tmp/build_3b/src/main/java/api/App.java:[12,9] cannot find symbol',
    output: `${START}
-----> Java app detected
-----> Installing Azul Zulu OpenJDK 21.0.2... done
-----> Executing Maven
       $ ./mvnw -DskipTests clean dependency:list install
       [INFO] BUILD FAILURE
       [ERROR] COMPILATION ERROR :
       [ERROR] /tmp/build_3b/src/main/java/api/App.java:[12,9] cannot find symbol
       [ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.11.0:compile (default-compile) on project api: Compilation failure
       [ERROR] -> [Help 1]
       [ERROR] Re-run Maven using the -X switch to enable full debug logging.

 !     ERROR: Failed to build app with Maven
       We're sorry this build is failing. If you can't find the issue in application code,
       please submit a ticket so we can help: https://help.heroku.com/
${failedToCompile('Java')}`,
  },
  {
    name: 'Gradle: does not compile',
    by: 'build',
    line: "/tmp/build_3b/src/main/java/api/App.java:7: error: ';' expected",
    output: `${START}
-----> Gradle app detected
-----> Building Gradle app...
       > Task :compileJava FAILED
       /tmp/build_3b/src/main/java/api/App.java:7: error: ';' expected
           int x = 1
                    ^
       1 error
       FAILURE: Build failed with an exception.
       * What went wrong:
       Execution failed for task ':compileJava'.

 !     ERROR: Failed to run Gradle!
       We're sorry this build is failing. If you can't find the issue in application
       code, please submit a ticket so we can help: https://help.heroku.com
${failedToCompile('Gradle')}`,
  },
  // --------------------------------------------------------------------------------------- the build: PHP, Go, Scala
  {
    name: 'PHP: requirements that exclude each other',
    by: 'build',
    line: '- Root composer.json requires php ^8.3 but your php version (8.1.27) does not satisfy that requirement.',
    output: `${START}
-----> PHP app detected
-----> Bootstrapping...
-----> Installing platform packages...
       Your requirements could not be resolved to an installable set of packages.

         Problem 1
           - Root composer.json requires php ^8.3 but your php version (8.1.27) does not satisfy that requirement.

 !     ERROR: Failed to install system dependencies!
 !
 !     Please check the error message above.
 !     REMINDER: Always keep your dependencies up to date and commit the lock file.
${failedToCompile('PHP')}`,
  },
  {
    name: 'Go: a name that does not exist',
    by: 'build',
    line: './main.go:12:2: undefined: newServer',
    output: `${START}
-----> Building on the Heroku-24 stack
-----> Go app detected
-----> Fetching jq... done
-----> Running: go install -v -tags heroku .
       example.com/api
       # example.com/api
       ./main.go:12:2: undefined: newServer
${failedToCompile('Go')}`,
  },
  {
    name: 'Scala: a value that does not exist',
    by: 'build',
    line: '[error] /tmp/build_5d/app/controllers/Home.scala:18:5: not found: value digest',
    output: `${START}
-----> Play 2.x - Scala app detected
-----> Running: sbt compile stage
       [info] compiling 12 Scala sources
       [error] /tmp/build_5d/app/controllers/Home.scala:18:5: not found: value digest
       [error]     digest(1)
       [error] one error found
       [error] (Compile / compileIncremental) Compilation failed

 !     ERROR: Failed to run sbt!
       We're sorry this build is failing. If you can't find the issue in application
       code, please submit a ticket so we can help: https://help.heroku.com
${failedToCompile('Play 2.x - Scala')}`,
  },
  {
    name: 'several buildpacks: one that does not fit',
    by: 'build',
    line: 'App not compatible with buildpack: https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/python.tgz',
    output: `${START}
-----> Building on the Heroku-20 stack
-----> Using buildpacks:
       1. heroku/python
       2. heroku/jvm
-----> App not compatible with buildpack: https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/python.tgz
       More info: https://devcenter.heroku.com/articles/buildpacks#detection-failure

 !     Push failed
 !
 ! ## Warning - The same version of this code has already been built: caa74d9c8ce7ef1ca0ea245fa44c90f5edd0b7dc
 !
 ! We have detected that you have triggered a build from source code with version caa74d9c8ce7ef1ca0ea245fa44c90f5edd0b7dc
 ! at least twice. One common cause of this behavior is attempting to deploy code from a different branch.
${REJECTED}`,
  },
  {
    name: 'no matching buildpack',
    by: 'build',
    line: 'No default language could be detected for this app.',
    output: `${START}
-----> Building on the Heroku-24 stack
-----> Determining which buildpack to use for this app
 !     No default language could be detected for this app.
			HINT: This occurs when Heroku cannot detect the buildpack to use for this application automatically.
			See https://devcenter.heroku.com/articles/buildpacks
${REJECTED}`,
  },
  {
    name: 'no matching buildpack, as of old',
    by: 'build',
    line: 'Push rejected, no Cedar-supported app detected',
    output: `${START}

 !     Push rejected, no Cedar-supported app detected
HINT: This occurs when Heroku cannot detect the buildpack
      to use for this application automatically.
See https://devcenter.heroku.com/articles/buildpacks

Verifying deploy...

!	Push rejected to api-production.
`,
  },
  {
    name: 'a configured buildpack that does not fit',
    by: 'build',
    line: 'Failed to detect set buildpack https://codon-buildpacks.s3.amazonaws.com/buildpacks/heroku/php.tgz',
    output: `${START}
-----> Failed to detect set buildpack https://codon-buildpacks.s3.amazonaws.com/buildpacks/heroku/php.tgz
More info: https://devcenter.heroku.com/articles/buildpacks#detection-failure
${REJECTED}`,
  },
  {
    name: 'slug too large',
    by: 'build',
    line: 'Compiled slug size: 515.2M is too large (max is 500M).',
    output: `${START}
-----> Python app detected
-----> Installing requirements with pip
       Successfully installed torch-2.3.0
-----> Discovering process types
       Procfile declares types -> web
-----> Compressing...
 !     Compiled slug size: 515.2M is too large (max is 500M).
 !     See: http://devcenter.heroku.com/articles/slug-size
${REJECTED}`,
  },
  {
    name: 'slug too large, told as a failure to store it',
    by: 'build',
    line: 'Compiled slug size: 447.7MB is too large (max is 300MB).',
    output: `${START}
-----> Java app detected
 !   Compiled slug size: 447.7MB is too large (max is 300MB).
 !   See: http://devcenter.heroku.com/articles/slug-size
 !     Push failed: slug archive could not be created
 !     Please try pushing again.
 !     If the problem persists, see http://help.heroku.com/ and provide Request ID cf9b330a-711e-4385-b4b4-0a88a8021740.
`,
  },
  {
    name: 'a build that took too long',
    by: 'build',
    line: 'Push rejected, build timed out after 15 minutes.',
    output: `${START}
-----> Ruby app detected
-----> Preparing app for Rails asset pipeline
       Running: rake assets:precompile

 !     Push rejected, build timed out after 15 minutes.
${REJECTED}`,
  },
  {
    name: 'container: a command of the Dockerfile fails',
    by: 'build',
    line: "npm error enoent Could not read package.json: Error: ENOENT: no such file or directory, open '/app/package.json'",
    output: `${START}
=== Fetching app code...
=!= Your app was built with Docker

=== Building web (Dockerfile)
Sending build context to Docker daemon  1.2MB
Step 4/7 : RUN npm ci
 ---> Running in 5f1c0d2b9e31
npm error code ENOENT
npm error syscall open
npm error path /app/package.json
npm error errno -2
npm error enoent Could not read package.json: Error: ENOENT: no such file or directory, open '/app/package.json'
The command '/bin/sh -c npm ci' returned a non-zero code: 254
ERROR: failed to build image
${REJECTED}`,
  },
  {
    name: 'container: no heroku.yml',
    by: 'build',
    line: 'Your app does not include a heroku.yml build manifest. To deploy your app, either create a heroku.yml: https://devcenter.heroku.com/articles/build-docker-images-heroku-yml',
    output: `${START}
!     Your app does not include a heroku.yml build manifest. To deploy your app, either create a heroku.yml: https://devcenter.heroku.com/articles/build-docker-images-heroku-yml
!     Or change your stack by running: 'heroku stack:set heroku-24'
Verifying deploy...

!	Push rejected to api-production.
`,
  },
  {
    name: 'end-of-life warning beside a build that failed',
    by: 'build',
    line: "ModuleNotFoundError: No module named 'distutils'",
    output: `${START}
${EOL_WARNING}
-----> Building on the Heroku-20 stack
-----> Python app detected
       Traceback (most recent call last):
       ModuleNotFoundError: No module named 'distutils'
${failedToCompile('Python')}`,
  },
  // ------------------------------------------------------------------------------------------------ Heroku's faults
  {
    name: 'could not store slug',
    by: 'platform',
    line: 'Push failed: could not store slug',
    output: `${START}
-----> Java app detected
       [INFO] BUILD SUCCESS
-----> Discovering process types
       Procfile declares types -> web
-----> Compressing... done, 154.1MB
-----> Launching... ! Push failed: could not store slug
 ! Please try pushing again.
 ! If the problem persists, see http://help.heroku.com/ and provide Request ID 4c3d4b3e-aaa7-4ce4-828b-776a105e83f8.
`,
  },
  {
    name: 'an error of Heroku’s git',
    by: 'platform',
    line: 'Heroku Git error, please try again shortly.',
    output: `${START}
Build stream timed out, reverting to polling...

!       Heroku Git error, please try again shortly.
!       See http://status.heroku.com for current Heroku platform status.
!       If the problem persists, please open a ticket
!       on https://help.heroku.com/tickets/new
!       and provide the Request ID 4dd56759-7173-4ba0-b157-c9cc3a977605
`,
  },
  {
    name: 'an unrecognized error after the build',
    by: 'platform',
    line: 'Heroku push rejected due to an unrecognized error.',
    output: `-----> Heroku receiving push
-----> PHP app detected
-----> Compiled slug size is 33.1MB
-----> Launching...
 !     Heroku push rejected due to an unrecognized error.
 !     We've been notified, see http://support.heroku.com if the problem persists.
`,
  },
  {
    name: 'a release that could not be made',
    by: 'platform',
    line: 'Heroku push rejected, failure releasing code',
    output: `${START}
-----> Python app detected
-----> Launching...
 !     Heroku push rejected, failure releasing code
`,
  },
  {
    name: 'builds are disabled during an incident',
    by: 'platform',
    line: 'Builds are temporarily disabled while we investigate an ongoing incident.',
    output: `
 !     Builds are temporarily disabled while we investigate an ongoing incident.
 !     See https://status.heroku.com for current Heroku platform status.
`,
  },
  {
    name: 'a platform error by its H-code',
    by: 'platform',
    line: 'Push rejected: at=error code=H99 desc="Platform error"',
    output: `${START}
 !     Push rejected: at=error code=H99 desc="Platform error"
`,
  },
  {
    name: 'a buildpack that Heroku could not fetch',
    by: 'platform',
    line: 'Error: Unable to download/install Python 3.12.3.',
    output: `${START}
-----> Python app detected
-----> Installing Python 3.12.3
       curl: (22) The requested URL returned error: 503

 !     Error: Unable to download/install Python 3.12.3.
 !
 !     In some cases, this happens due to a temporary issue with
 !     the network connection or server.
${failedToCompile('Python')}`,
  },
  // ------------------------------------------------------------------------------------------------- no build ran
  {
    name: 'a hook that declines without a word',
    by: 'rule',
    line: '',
    output: '',
  },
  {
    name: 'an account that is suspended',
    by: 'rule',
    line: 'Push rejected, your account has been suspended.',
    output: `
 !     Push rejected, your account has been suspended.
 !     Please contact support at https://help.heroku.com/
`,
  },
  {
    name: 'an account that is not verified',
    by: 'rule',
    line: 'Push rejected, Please verify your account to install this add-on',
    output: `
 !     Push rejected, Please verify your account to install this add-on
For more information, see http://devcenter.heroku.com/categories/billing
Verify now at https://heroku.com/verify
`,
  },
  {
    name: 'another build holds the lock',
    by: 'rule',
    line: 'Push rejected, another build is in progress for this app.',
    output: `${START}
 !     Push rejected, another build is in progress for this app.
 !     Please wait until it has finished, and push again.
`,
  },
  {
    name: 'a stack that no longer builds',
    by: 'rule',
    line: 'Cedar-10 is deprecated. Please update to Cedar-14: https://devcenter.heroku.com/articles/cedar-14-migration',
    output: `${START}
!	Cedar-10 is deprecated. Please update to Cedar-14: https://devcenter.heroku.com/articles/cedar-14-migration
`,
  },
  {
    name: 'a stack that no longer builds, by its end of life',
    by: 'rule',
    line: 'Push rejected, the Heroku-18 stack is end-of-life. Builds are no longer possible.',
    output: `${START}
 !     Push rejected, the Heroku-18 stack is end-of-life. Builds are no longer possible.
 !     Upgrade the stack of your app: https://devcenter.heroku.com/articles/upgrading-to-the-latest-stack
${REJECTED}`,
  },
  {
    name: 'an app that is locked for changes',
    by: 'rule',
    line: 'Push rejected: api-production is locked by an administrator of the team.',
    output: `
 !     Push rejected: api-production is locked by an administrator of the team.
`,
  },
]

/** More of the same kinds, written down after the lines above were told rightly. */
export const MORE_PUSH_ENDINGS: readonly PushEnding[] = [
  {
    name: 'Python: a wheel that does not build',
    by: 'build',
    line: 'Error: pg_config executable not found.',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Python app detected
       error: subprocess-exited-with-error
       × python setup.py bdist_wheel did not run successfully.
       │ exit code: 1
       ╰─> [6 lines of output]
           Error: pg_config executable not found.
       note: This error originates from a subprocess, and is likely not a problem with pip.
       ERROR: Failed building wheel for psycopg2
       ERROR: Failed to build installable wheels for some pyproject.toml based projects (psycopg2)
 !     Error: Unable to install dependencies using pip.
 !
 !     See the log output above for more information.
 !     Push rejected, failed to compile Python app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Poetry: a lock that is old',
    by: 'build',
    line: 'pyproject.toml changed significantly since poetry.lock was last generated. Run `poetry lock` to fix the lock file.',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Installing dependencies using Poetry
       Installing dependencies from lock file

       pyproject.toml changed significantly since poetry.lock was last generated. Run \`poetry lock\` to fix the lock file.
 !     Error: Unable to install dependencies using Poetry.
 !
 !     See the log output above for more information.
 !     Push rejected, failed to compile Python app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Pipenv: a lock that is old',
    by: 'build',
    line: 'Your Pipfile.lock (c56a1f) is out of date. Expected: (9b4f1c).',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Installing dependencies with Pipenv
       Your Pipfile.lock (c56a1f) is out of date. Expected: (9b4f1c).
       ERROR:: Aborting deploy

 !     Push rejected, failed to compile Python app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'yarn: an engine that does not fit',
    by: 'build',
    line: 'error api@1.0.0: The engine "node" is incompatible with this module. Expected version ">=20". Got "18.19.0"',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Node.js app detected
       [1/5] Validating package.json...
       error api@1.0.0: The engine "node" is incompatible with this module. Expected version ">=20". Got "18.19.0"
       error Found incompatible module.
       info Visit https://yarnpkg.com/en/docs/cli/install for documentation about this command.
-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       Love,
       Heroku

 !     Push rejected, failed to compile Node.js app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Node: a version that does not exist',
    by: 'build',
    line: 'Could not find Node version corresponding to version requirement: 99.x',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Node.js app detected
-----> Installing binaries
       engines.node (package.json):  99.x
       Resolving node version 99.x...
       Could not find Node version corresponding to version requirement: 99.x
-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       Love,
       Heroku

 !     Push rejected, failed to compile Node.js app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Node: out of memory',
    by: 'build',
    line: 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Build
       > next build
       <--- Last few GCs --->
       FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
       Aborted (core dumped)
       npm error code 134
       npm error path /tmp/build
       npm error command failed
-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       Love,
       Heroku

 !     Push rejected, failed to compile Node.js app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Next.js: a type that does not fit',
    by: 'build',
    line: "Type error: Property 'id' does not exist on type 'User'.",
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Build
       Failed to compile.

       ./src/app/page.tsx:12:5
       Type error: Property 'id' does not exist on type 'User'.
       npm error code 1
-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       Love,
       Heroku

 !     Push rejected, failed to compile Node.js app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Vite: an import that does not resolve',
    by: 'build',
    line: '[vite]: Rollup failed to resolve import "axios" from "/tmp/build/src/main.js".',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Build
       error during build:
       [vite]: Rollup failed to resolve import "axios" from "/tmp/build/src/main.js".
       This is most likely unintended because it can break your application at runtime.
       npm ERR! code ELIFECYCLE
-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       Love,
       Heroku

 !     Push rejected, failed to compile Node.js app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Node: a tool that is not installed',
    by: 'build',
    line: 'sh: 1: vite: not found',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Build
       > vite build
       sh: 1: vite: not found
       npm error code 127
       npm error path /tmp/build
       npm error command failed
       npm error command sh -c vite build
-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       Love,
       Heroku

 !     Push rejected, failed to compile Node.js app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'npm: a package that is not there',
    by: 'build',
    line: 'npm error 404 Not Found - GET https://registry.example.com/@acme%2fui - Not found',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Installing dependencies
       npm error code E404
       npm error 404 Not Found - GET https://registry.example.com/@acme%2fui - Not found
       npm error 404
       npm error 404  '@acme/ui@1.0.0' is not in this registry.
-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       Love,
       Heroku

 !     Push rejected, failed to compile Node.js app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'npm: dependencies that exclude each other',
    by: 'build',
    line: 'npm error ERESOLVE could not resolve',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Installing dependencies
       npm error code ERESOLVE
       npm error ERESOLVE could not resolve
       npm error
       npm error While resolving: react-x@1.0.0
       npm error Found: react@19.0.0
       npm error Could not resolve dependency:
       npm error peer react@"^18" from react-x@1.0.0
-----> Build failed

       We're sorry this build is failing! You can troubleshoot common issues here:
       https://devcenter.heroku.com/articles/troubleshooting-node-deploys

       Love,
       Heroku

 !     Push rejected, failed to compile Node.js app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Ruby: a version that does not fit',
    by: 'build',
    line: 'Your Ruby version is 3.2.2, but your Gemfile specified 3.1.0',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Ruby app detected
       Your Ruby version is 3.2.2, but your Gemfile specified 3.1.0
 !
 !     Failed to install gems via Bundler.
 !
 !     Push rejected, failed to compile Ruby app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Ruby: a lock for another platform',
    by: 'build',
    line: 'Your bundle only supports platforms ["x86_64-darwin-21"] but your local platform is x86_64-linux.',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Installing dependencies using bundler 2.3.25
       Your bundle only supports platforms ["x86_64-darwin-21"] but your local platform is x86_64-linux.
       Add the current platform to the lockfile with
       \`bundle lock --add-platform x86_64-linux\` and try again.
 !
 !     Failed to install gems via Bundler.
 !
 !     Push rejected, failed to compile Ruby app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Ruby: no database while building',
    by: 'build',
    line: 'ActiveRecord::ConnectionNotEstablished: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Detecting rake tasks
       rake aborted!
       ActiveRecord::ConnectionNotEstablished: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed
       Caused by:
       PG::ConnectionBad: connection to server failed: No such file or directory
       /tmp/build/config/environment.rb:5
 !
 !     Precompiling assets failed.
 !
 !     Push rejected, failed to compile Ruby app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Maven: a wrapper that may not run',
    by: 'build',
    line: '/tmp/codon/tmp/buildpacks/java/bin/compile: ./mvnw: Permission denied',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Java app detected
-----> Executing Maven
       $ ./mvnw -DskipTests clean install
       /tmp/codon/tmp/buildpacks/java/bin/compile: ./mvnw: Permission denied
 !     ERROR: Failed to build app with Maven
       We're sorry this build is failing.
 !     Push rejected, failed to compile Java app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Go: a module that is not there',
    by: 'build',
    line: 'go: example.com/private/lib@v1.0.0: reading https://proxy.golang.org/example.com/private/lib/@v/v1.0.0.mod: 404 Not Found',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Go app detected
       go: downloading github.com/gin-gonic/gin v1.9.1
       go: example.com/private/lib@v1.0.0: reading https://proxy.golang.org/example.com/private/lib/@v/v1.0.0.mod: 404 Not Found
 !     Push rejected, failed to compile Go app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'PHP: a lock that is old',
    by: 'build',
    line: '- Required package "laravel/scout" is not present in the lock file.',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> PHP app detected
-----> Installing dependencies...
       Composer version 2.7.1
       Installing dependencies from lock file
       Verifying lock file contents can be installed on current platform.
       - Required package "laravel/scout" is not present in the lock file.
       This usually happens when composer files are incorrectly merged.
 !     ERROR: Dependency installation failed!
 !
 !     The 'composer install' process failed with an error.
 !     Push rejected, failed to compile PHP app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Elixir: does not compile',
    by: 'build',
    line: '** (CompileError) lib/api.ex:3: undefined function foo/0',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Elixir app detected
       == Compilation error in file lib/api.ex ==
       ** (CompileError) lib/api.ex:3: undefined function foo/0
 !     Push rejected, failed to compile Elixir app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: '.NET: does not compile',
    by: 'build',
    line: "/tmp/build/Program.cs(5,1): error CS0103: The name 'x' does not exist in the current context [/tmp/build/api.csproj]",
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> .NET app detected
       Determining projects to restore...
       /tmp/build/Program.cs(5,1): error CS0103: The name 'x' does not exist in the current context [/tmp/build/api.csproj]
       Build FAILED.
 !     Push rejected, failed to compile .NET app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'Rust: does not compile',
    by: 'build',
    line: 'error[E0425]: cannot find value `x` in this scope',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Rust app detected
       Compiling api v0.1.0
       error[E0425]: cannot find value \`x\` in this scope
        --> src/main.rs:3:5
       error: could not compile \`api\` (bin "api") due to 1 previous error
 !     Push rejected, failed to compile Rust app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'a custom buildpack that could not be fetched',
    by: 'platform',
    line: 'Push rejected, error fetching custom buildpack',
    output: `Compressing source files... done.
Building source:

-----> Fetching custom git buildpack... failed

 !     Push rejected, error fetching custom buildpack

Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'container: a step of the Dockerfile fails',
    by: 'build',
    line: 'ERROR: failed to solve: process "/bin/sh -c pip install -r requirements.txt" did not complete successfully: exit code: 1',
    output: `=== Building web (Dockerfile)
#8 [4/6] RUN pip install -r requirements.txt
#8 4.2 Collecting uvicorn
ERROR: failed to solve: process "/bin/sh -c pip install -r requirements.txt" did not complete successfully: exit code: 1

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'a submodule that may not be fetched',
    by: 'rule',
    line: 'Push rejected, submodule install failed',
    output: `Git submodules detected, installing:
Submodule 'lib' (git@github.com:acme/lib.git) registered for path 'lib'
Host key verification failed.
fatal: clone of 'git@github.com:acme/lib.git' into submodule path 'lib' failed

 !     Push rejected, submodule install failed
`,
  },
  {
    name: 'a repository that is too large',
    by: 'rule',
    line: 'Push rejected, the repository is larger than 1 GB.',
    output: `
 !     Push rejected, the repository is larger than 1 GB.
`,
  },
  {
    name: 'a stack that no longer builds, told in a warning’s form',
    by: 'rule',
    line: 'Your app is using the Heroku-16 stack, which is end-of-life. Builds on Heroku-16 are no longer possible.',
    output: `Compressing source files... done.
Building source:

 !   Your app is using the Heroku-16 stack, which is end-of-life. Builds on Heroku-16 are no longer possible.
 !
 !   Please upgrade the stack of your app:
 !   https://devcenter.heroku.com/articles/upgrading-to-the-latest-stack
`,
  },
  {
    name: 'an internal error',
    by: 'platform',
    line: 'Internal Server Error',
    output: `Compressing source files... done.
Building source:

 !     Internal Server Error
`,
  },
  {
    name: 'a failure to try again later',
    by: 'platform',
    line: 'Push failed, please try again later.',
    output: `Compressing source files... done.
Building source:

 !     Push failed, please try again later.
 !     See https://status.heroku.com
`,
  },
  {
    name: 'Python: no space left',
    by: 'build',
    line: 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Installing requirements with pip
       ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
 !     Error: Unable to install dependencies using pip.
 !     Push rejected, failed to compile Python app.

 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
  {
    name: 'a Procfile that is invalid',
    by: 'build',
    line: 'Error: Procfile is invalid',
    output: `Compressing source files... done.
Building source:

-----> Building on the Heroku-24 stack
-----> Discovering process types
 !     Error: Procfile is invalid
 !     Push failed
Verifying deploy...

!	Push rejected to api.
`,
  },
]

/** The lines as our git adapter hands them over, with git's own last. */
export function printed({ output }: PushEnding): readonly string[] {
  return [
    ...output.split('\n').map((line) => line.trimEnd()),
    'To https://git.heroku.com/api-production.git',
    ' ! [remote rejected] 1c58ec47 -> master (pre-receive hook declined)',
    "error: failed to push some refs to 'https://git.heroku.com/api-production.git'",
    '[remote rejected] (pre-receive hook declined)',
  ]
}

#!/usr/bin/env bash
# The release document as someone types it who makes no mistake and never waits: document.sh migrate|as-it-is, in the clone
# of a developer with the remotes origin and heroku-production, with .env_production beside it. The pull request's merge is
# made by git, for git is all that it needs then.
set -euo pipefail

git fetch --quiet --all
git checkout --quiet production
git merge --quiet --ff-only origin/production
git merge --quiet --no-edit origin/master
git push --quiet origin production
# "Sync code on local branch", "fetching git fetch --all and then checking the git diff"
git fetch --quiet --all
git diff --stat heroku-production/master production >/dev/null
if [ "$1" = migrate ]; then
  cp ../.env_production .env
  alembic -c alembic_users.ini upgrade head 2>/dev/null
fi
git push --quiet heroku-production production:master

#!/bin/sh
# Answers git's two questions (gitcredentials(7)) from the environment, and only for the one host that it was given for.
case "$1" in
  "Username for '$SIGNOFF_GIT_SCHEME://$SIGNOFF_GIT_HOST': ") printf '%s\n' "$SIGNOFF_GIT_USERNAME" ;;
  "Password for '$SIGNOFF_GIT_SCHEME://"*"@$SIGNOFF_GIT_HOST': ") printf '%s\n' "$SIGNOFF_GIT_PASSWORD" ;;
  *) exit 1 ;;
esac

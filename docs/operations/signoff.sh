#!/bin/sh
# /usr/local/bin/signoff: the command line on a host that install.md has set up, with what signoff.service gives the
# program: its user, directory, variables and DATA_DIR. `signoff doctor`, as root or as the user signoff.
set -eu
cd /etc/signoff
set -a
. ./signoff.env
NODE_ENV=production
DATA_DIR=/var/lib/signoff
set +a
if [ "$(id -un)" = signoff ]; then set -- /usr/bin/node /opt/signoff/bin/signoff.js "$@"
else set -- runuser -u signoff -- /usr/bin/node /opt/signoff/bin/signoff.js "$@"; fi
exec "$@"

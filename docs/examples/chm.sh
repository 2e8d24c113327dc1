#!/bin/sh
# Run a command of CHM with the user and the settings of the systemd units. Install it as /usr/local/sbin/chm, and use it as
# root: chm check-config, chm migrate, ... To create the database roles of boards, set RUN_AS=postgres and
# CHM_DATABASE_URL=postgresql:///chm?host=/var/run/postgresql.
set -eu
etc=${CHM_ETC:-/etc/chm} state=${CHM_STATE:-/var/lib/chm} program=${CHM_PROGRAM:-/opt/chm/bin/chm}
database_url=${CHM_DATABASE_URL:-}
unset CHM_ETC CHM_STATE CHM_PROGRAM
set -a
. "$etc/chm.env"
if [ -r "$etc/partners.env" ]; then . "$etc/partners.env"; fi
DJANGO_SETTINGS_MODULE=chm_project.settings.production
CHM_DATA_DIR=$state
# Pass secrets in the environment, because the account chm cannot read the files. Other accounts cannot read the environment
# of its processes.
CHM_SECRET_KEY=$(cat "$etc/secrets/chm_secret_key")
CHM_DATABASE_URL=${database_url:-$(cat "$etc/secrets/chm_database_url")}
CHM_BROKER_URL=$(cat "$etc/secrets/chm_broker_url")
set +a
cd "$state"
if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid="${RUN_AS:-chm}" --regid="${RUN_AS:-chm}" --init-groups --no-new-privs "$program" "$@"
fi
exec "$program" "$@"

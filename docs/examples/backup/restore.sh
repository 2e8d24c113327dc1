#!/bin/sh
# restore.sh DUMP [OWNER]: restore a dump of backup.sh into the empty database that PGDATABASE names, in one transaction.
# If you restore as the database's owner, leave out OWNER. As a superuser, pass the role that will own everything, such as chm.
# The roles that may read the boards' views must exist. Otherwise set RESTORE_GRANTS=no, and run grant_reporting_role later.
set -eu
dump=${1:?usage: restore.sh DUMP [OWNER]}
owner=${2:-}
(cd "$(dirname "$dump")" && sha256sum --check --quiet "$(basename "$dump").sha256")
ask() { psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$1"; }
# In the condition of `if`, a failed connection would not end the script (set -e). So count the tables before the
# condition.
tables=$(ask "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
if [ "$tables" != 0 ]; then
  echo "the database $PGDATABASE is not empty: restore into a new one" >&2
  exit 1
fi
set -- --exit-on-error --single-transaction --no-owner
if [ "${RESTORE_GRANTS:-yes}" = no ]; then
  set -- "$@" --no-privileges
else
  readers=$(pg_restore --schema-only --file=- "$dump" | sed -n 's/^GRANT .* TO "\{0,1\}\([^ ";]*\).*/\1/p' | sort -u)
  for reader in $readers; do
    existing=$(ask "SELECT count(*) FROM pg_roles WHERE rolname = '$reader'")
    if [ "$reader" != PUBLIC ] && [ "$existing" = 0 ]; then
      echo "the role $reader does not exist: CREATE ROLE $reader; or set RESTORE_GRANTS=no" >&2
      exit 1
    fi
  done
fi
if [ -n "$owner" ]; then set -- "$@" --role="$owner"; fi
pg_restore "$@" --dbname="$PGDATABASE" "$dump"
# A dump contains no statistics, and without them the first pages are slow.
ask "SET client_min_messages = error; ANALYZE"
echo "restored $dump into $PGDATABASE"

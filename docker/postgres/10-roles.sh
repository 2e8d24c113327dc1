#!/bin/sh
# Create roles and databases, on the first start of an empty volume. Only this script runs as superuser:
#   chm           owns the database chm: migrations, web, worker, beat
#   chm_admin     has chm's rights and can create roles: it creates the two read-only roles of Grafana and Metabase
#   metabase_app  owns Metabase's own database
set -eu
secrets=${CHM_SECRETS:-/run/secrets}
# Passwords are psql variables from standard input, not arguments: arguments are visible in the list of processes.
{
  for name in chm chm_admin metabase_app; do
    printf "\\\\set %s_password '%s'\n" $name "$(cat "$secrets/${name}_password")"
  done
  cat <<'SQL'
CREATE ROLE chm LOGIN PASSWORD :'chm_password';
CREATE ROLE chm_admin LOGIN CREATEROLE PASSWORD :'chm_admin_password' IN ROLE chm;
CREATE ROLE metabase_app LOGIN PASSWORD :'metabase_app_password';
CREATE DATABASE chm OWNER chm ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE metabase_app OWNER metabase_app ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE chm, metabase_app, postgres FROM PUBLIC;
SQL
} | psql -v ON_ERROR_STOP=1 --no-psqlrc --username "${POSTGRES_USER:-postgres}" --dbname postgres

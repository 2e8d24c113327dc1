#!/bin/sh
# Create roles and databases as superuser. PostgreSQL runs this script at its first start with an empty volume. Roles:
#   chm           owns the database chm. The services migrate, web, worker and beat use this role.
#   chm_admin     has the rights of chm and can create roles. It creates the two read-only roles of Grafana and Metabase.
#   metabase_app  owns the database metabase_app, in which Metabase stores its own data.
set -eu
secrets=${CHM_SECRETS:-/run/secrets}
# Pass the passwords to psql on standard input. As arguments they would be visible in the list of processes.
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

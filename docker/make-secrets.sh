#!/bin/sh
# Create random secrets for docker-compose.yml, in docker/secrets. Do not change files that exist.
# The services have no default passwords: compose does not start without these files.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
# Only the owner can open the folder. In the containers, users with other ids must read the mounted files, so the files
# are readable by all.
chmod 700 "$folder"
cd "$folder"

put() { # name value
  [ -s "$1" ] || printf '%s\n' "$2" >"$1"
}
secret() { openssl rand -hex 24; }

for name in postgres_password chm_password chm_admin_password metabase_app_password grafana_reader_password \
  metabase_reader_password redis_password grafana_admin_password metabase_admin_password metabase_encryption_key; do
  put $name "$(secret)"
done
put chm_secret_key "$(openssl rand -base64 60 | tr -d '\n')"

if ! [ -s postgres_key ]; then
  # Create a certificate authority, and a certificate for the service `postgres`. Delete the authority's key at the end, so
  # that nobody can create more certificates with it.
  scratch=$(mktemp -d)
  trap 'rm -r "$scratch"' EXIT
  openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj "/CN=CHM database authority" \
    -keyout "$scratch/ca.key" -out postgres_ca 2>/dev/null
  openssl req -newkey rsa:3072 -nodes -subj "/CN=postgres" -keyout postgres_key -out "$scratch/request" 2>/dev/null
  printf 'subjectAltName=DNS:postgres,DNS:localhost,IP:127.0.0.1\n' >"$scratch/names"
  openssl x509 -req -in "$scratch/request" -CA postgres_ca -CAkey "$scratch/ca.key" -CAcreateserial -days 3650 \
    -extfile "$scratch/names" -out postgres_cert 2>/dev/null
fi

tls="sslmode=verify-full&sslrootcert=/run/secrets/postgres_ca"
put chm_database_url "postgresql://chm:$(cat chm_password)@postgres:5432/chm?$tls"
put chm_admin_database_url "postgresql://chm_admin:$(cat chm_admin_password)@postgres:5432/chm?$tls"
put chm_broker_url "redis://:$(cat redis_password)@redis:6379/0"
chmod 444 ./*
echo "The secrets are in $PWD."

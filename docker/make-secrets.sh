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

# Create a certificate authority, and a certificate for the service `postgres`, in a temporary folder. The authority's key
# stays there and is deleted, so that nobody can create more certificates with it.
create_certificate() {
  scratch=$(mktemp -d)
  trap 'rm -r "$scratch"' EXIT
  (
    cd "$scratch" &&
    openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj "/CN=CHM database authority" -keyout ca.key -out postgres_ca &&
    openssl req -newkey rsa:3072 -nodes -subj "/CN=postgres" -keyout postgres_key -out request &&
    printf 'subjectAltName=DNS:postgres,DNS:localhost,IP:127.0.0.1\n' >names &&
    openssl x509 -req -in request -CA postgres_ca -CAkey ca.key -CAcreateserial -days 3650 -extfile names -out postgres_cert
  ) 2>"$scratch/messages" || {
    cat "$scratch/messages" >&2
    exit 1
  }
  # The key is moved last. If the script stops before that, the next call creates all three files again.
  mv -f "$scratch/postgres_ca" "$scratch/postgres_cert" .
  mv "$scratch/postgres_key" .
}

[ -s postgres_key ] || create_certificate

tls="sslmode=verify-full&sslrootcert=/run/secrets/postgres_ca"
put chm_database_url "postgresql://chm:$(cat chm_password)@postgres:5432/chm?$tls"
put chm_admin_database_url "postgresql://chm_admin:$(cat chm_admin_password)@postgres:5432/chm?$tls"
put chm_broker_url "redis://:$(cat redis_password)@redis:6379/0"
chmod 444 ./*
echo "The secrets are in $PWD."

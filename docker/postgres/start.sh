#!/bin/sh
# Start PostgreSQL with TLS. PostgreSQL accepts only a key file that belongs to its user, so copy the mounted secret.
set -eu
install -o postgres -g postgres -m 600 /run/secrets/postgres_key /var/lib/postgresql/server.key
install -o postgres -g postgres -m 644 /run/secrets/postgres_cert /var/lib/postgresql/server.crt
exec docker-entrypoint.sh postgres -c ssl=on \
  -c ssl_cert_file=/var/lib/postgresql/server.crt -c ssl_key_file=/var/lib/postgresql/server.key

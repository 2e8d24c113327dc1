#!/bin/sh
# PostgreSQL with TLS: a key must be the server's own file, which a mounted secret is not.
set -eu
install -o postgres -g postgres -m 600 /run/secrets/postgres_key /var/lib/postgresql/server.key
install -o postgres -g postgres -m 644 /run/secrets/postgres_cert /var/lib/postgresql/server.crt
exec docker-entrypoint.sh postgres -c ssl=on \
  -c ssl_cert_file=/var/lib/postgresql/server.crt -c ssl_key_file=/var/lib/postgresql/server.key

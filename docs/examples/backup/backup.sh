#!/bin/sh
# backup.sh FOLDER: dump CHM's database into FOLDER/chm-TIME.dump, with its checksum beside it, and print its name.
# PGHOST, PGPORT, PGDATABASE and PGUSER select the database, ~/.pgpass has the password. The owner's rights are enough.
set -eu
umask 077
folder=${1:?usage: backup.sh FOLDER}
dump=$folder/chm-$(date -u +%Y%m%dT%H%M%S).dump
trap 'rm -f "$dump.part"' EXIT
pg_dump --format=custom --file="$dump.part"
# Test that the dump can be read: list its contents.
pg_restore --list "$dump.part" >/dev/null
mv "$dump.part" "$dump"
(cd "$folder" && sha256sum "${dump##*/}" >"${dump##*/}.sha256")
echo "$dump"

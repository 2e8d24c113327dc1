#!/bin/sh
# Copy the boards, insert the address of this CHM (CHM_PUBLIC_URL) into their links, and start Grafana.
set -eu
from=${CHM_BOARDS:-/etc/chm/boards}
to=${CHM_BOARDS_READY:-/var/lib/grafana/chm-boards}
url=${CHM_PUBLIC_URL:-http://localhost:8000}
case $url in
# These characters would end the JSON text or have a meaning for sed.
*[\"\\\|\&\ ]* | "") echo "CHM_PUBLIC_URL is empty, or contains one of: double quote, backslash, |, &, space." >&2 && exit 1 ;;
http://* | https://*) ;;
*) echo "CHM_PUBLIC_URL must begin with http:// or https://." >&2 && exit 1 ;;
esac
mkdir -p "$to"
for board in "$from"/*.json; do
  sed "s|\"http://localhost:8000\"|\"${url%/}\"|" "$board" >"$to/$(basename "$board")"
done
exec "${@:-/run.sh}"

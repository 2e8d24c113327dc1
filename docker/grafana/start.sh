#!/bin/sh
# Copy the boards, insert the address of this CHM (CHM_PUBLIC_URL) into their links, and start Grafana.
set -eu
from=${CHM_BOARDS:-/etc/chm/boards}
to=${CHM_BOARDS_READY:-/var/lib/grafana/chm-boards}
url=${CHM_PUBLIC_URL:-http://localhost:8000}
case $url in
*[\"\\\|\&\ ]* | "") echo "CHM_PUBLIC_URL is not an address." >&2 && exit 1 ;;
http://* | https://*) ;;
*) echo "CHM_PUBLIC_URL must begin with http:// or https://." >&2 && exit 1 ;;
esac
mkdir -p "$to"
for board in "$from"/*.json; do
  sed "s|\"http://localhost:8000\"|\"${url%/}\"|" "$board" >"$to/$(basename "$board")"
done
exec "${@:-/run.sh}"

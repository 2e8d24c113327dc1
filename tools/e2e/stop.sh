#!/usr/bin/env bash
# stop.sh DIR: stop the servers that start_dagster.sh or start_prefect.sh started. DIR/run/*.pid has their group ids.
set -u
for file in "$1"/run/*.pid; do
  [ -f "$file" ] && kill -TERM -- "-$(cat "$file")" 2>/dev/null
done
for _ in $(seq 1 20); do
  left=0
  for file in "$1"/run/*.pid; do [ -f "$file" ] && kill -0 -- "-$(cat "$file")" 2>/dev/null && left=1; done
  [ $left = 0 ] && break
  sleep 1
done
for file in "$1"/run/*.pid; do
  [ -f "$file" ] || continue
  kill -KILL -- "-$(cat "$file")" 2>/dev/null
  rm -f "$file"
done
true

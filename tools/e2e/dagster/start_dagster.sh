#!/usr/bin/env bash
# Install (first time) and start a real Dagster, web server and daemon, on loopback.
#   start_dagster.sh DIR
# Environment: DAGSTER_PORT (a free port), PYTHON (python3).
# Writes into DIR: venv/, home/ (SQLite), jobs.py, run/*.pid, client.json (base_url, version).
# Dagster listens only on 127.0.0.1. Stop it with ../stop.sh DIR.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n 2,6p "$0"; exit 2; }
mkdir -p "$1"; DIR=$(cd "$1" && pwd)
PY=${PYTHON:-python3}
PORT=${DAGSTER_PORT:-$("$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
begun=$SECONDS
if [ ! -f "$DIR/installed" ]; then
  "$PY" -m venv "$DIR/venv"
  "$DIR/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >"$DIR/install.log" 2>&1
  touch "$DIR/installed"
fi
installed=$SECONDS
# Delete everything of an earlier start, because the test counts all runs of the server.
rm -rf "$DIR/home" "$DIR/logs" "$DIR/run"; mkdir -p "$DIR/home" "$DIR/logs" "$DIR/run"
cp "$here/jobs.py" "$DIR/jobs.py"
version=$("$DIR/venv/bin/python" -c 'import importlib.metadata as m; print(m.version("dagster"))')
printf '{"base_url": "http://127.0.0.1:%s", "version": "%s"}\n' "$PORT" "$version" >"$DIR/client.json"
cat >"$DIR/home/dagster.yaml" <<EOY
telemetry: {enabled: false}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {max_concurrent_runs: 2, dequeue_interval_seconds: 1}
EOY
export DAGSTER_HOME="$DIR/home" PATH="$DIR/venv/bin:$PATH" no_proxy=127.0.0.1 DAGSTER_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=1
cd "$DIR"
start() { name=$1; shift; setsid "$@" >"$DIR/logs/$name.log" 2>&1 </dev/null & echo $! >"$DIR/run/$name.pid"; }
start web dagster-webserver -h 127.0.0.1 -p "$PORT" -f jobs.py
start daemon dagster-daemon run -f jobs.py
for _ in $(seq 1 120); do
  "$PY" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$PORT/server_info', timeout=2)" 2>/dev/null && break
  kill -0 "$(cat "$DIR/run/web.pid")" 2>/dev/null || { tail -5 "$DIR/logs/web.log"; exit 1; }
  sleep 1
done
echo "dagster $version on http://127.0.0.1:$PORT: install $((installed - begun)) s, start $((SECONDS - installed)) s"

#!/usr/bin/env bash
# Install (first time) and start a real Prefect server on loopback.
#   start_prefect.sh DIR
# Environment: PREFECT_PORT (a free port), PYTHON (python3).
# Writes into DIR: venv/, home/ (SQLite), run/*.pid, env.sh (source it to run flows),
#                client.json (base_url, username, password, version).
# Prefect listens only on 127.0.0.1. Stop it with ../stop.sh DIR.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n 2,7p "$0"; exit 2; }
mkdir -p "$1"; DIR=$(cd "$1" && pwd)
PY=${PYTHON:-python3}
PORT=${PREFECT_PORT:-$("$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
begun=$SECONDS
if [ ! -f "$DIR/installed" ]; then
  "$PY" -m venv "$DIR/venv"
  "$DIR/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >"$DIR/install.log" 2>&1
  touch "$DIR/installed"
fi
installed=$SECONDS
# Delete everything of an earlier start, because the test counts all runs of the server.
rm -rf "$DIR/home" "$DIR/logs" "$DIR/run"; mkdir -p "$DIR/home" "$DIR/logs" "$DIR/run"
password=$("$PY" -c 'import secrets; print(secrets.token_hex(16))')
version=$("$DIR/venv/bin/python" -c 'import importlib.metadata as m; print(m.version("prefect"))')
printf '{"base_url": "http://127.0.0.1:%s", "username": "admin", "password": "%s", "version": "%s"}\n' \
  "$PORT" "$password" "$version" >"$DIR/client.json"
cat >"$DIR/env.sh" <<EOS
export PREFECT_HOME='$DIR/home' PREFECT_API_URL='http://127.0.0.1:$PORT/api'
export PREFECT_SERVER_API_AUTH_STRING='admin:$password' PREFECT_API_AUTH_STRING='admin:$password'
export PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1 PREFECT_LOGGING_LEVEL=WARNING PREFECT_CLI_PROMPT=false
export PYTHONDONTWRITEBYTECODE=1 no_proxy=127.0.0.1,localhost PATH='$DIR/venv/bin':"\$PATH"
EOS
. "$DIR/env.sh"
setsid prefect server start --host 127.0.0.1 --port "$PORT" >"$DIR/logs/server.log" 2>&1 </dev/null &
echo $! >"$DIR/run/server.pid"
for _ in $(seq 1 120); do
  "$PY" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$PORT/api/health', timeout=2)" 2>/dev/null && break
  kill -0 "$(cat "$DIR/run/server.pid")" 2>/dev/null || { tail -5 "$DIR/logs/server.log"; exit 1; }
  sleep 1
done
echo "prefect $version on http://127.0.0.1:$PORT: install $((installed - begun)) s, start $((SECONDS - installed)) s"

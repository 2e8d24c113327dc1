#!/usr/bin/env bash
# Install (first time) and start a real Apache Airflow 3 on loopback.
#   start_airflow.sh DIR [DAGS_FOLDER]
# Environment:
#   LOCK: file with pinned requirements (default: requirements.txt in this folder)
#   AIRFLOW_VERSION: the version, if LOCK does not exist (default: 3.3.2)
#   AIRFLOW_PORT: default: a free port
#   PYTHON: default: python3
#   EXTRA: more packages
#   NO_UV: 1 installs with plain pip
#   AIRFLOW_ADMIN_PASSWORD, AIRFLOW_VIEWER_PASSWORD: default: random
# Writes into DIR: venv/, home/ (SQLite), logs/ (output of the processes), install.log, dags/ (a copy), run/*.pid,
#   env.sh (source it to use the CLI), client.json (base_url, username, passwords, installed version: run.py reads it).
# Each start deletes the runs of earlier starts. All DAGs are paused at first. Airflow listens only on 127.0.0.1.
# Stop it with stop_airflow.sh DIR.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n 2,15p "$0"; exit 2; }
mkdir -p "$1"; DIR=$(cd "$1" && pwd)
DAGS_SOURCE=$(cd "${2:-$here/dags}" && pwd)
DAGS="$DIR/dags"
lock=${LOCK:-"$here/requirements.txt"}
if [ -n "${AIRFLOW_VERSION:-}" ] && [ -f "$lock" ]; then
  echo "AIRFLOW_VERSION has no effect, because $lock pins the version: also set LOCK to a file that does not exist" >&2
  exit 2
fi
PY=${PYTHON:-python3}
PORT=${AIRFLOW_PORT:-$("$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
begun=$SECONDS
if [ ! -x "$DIR/venv/bin/airflow" ]; then
  "$PY" -m venv "$DIR/venv"
  if [ -f "$lock" ]; then packages=(-r "$lock"); else packages=("apache-airflow==${AIRFLOW_VERSION:-3.3.2}"); fi
  if command -v uv >/dev/null && [ -z "${NO_UV:-}" ]; then
    VIRTUAL_ENV="$DIR/venv" uv pip install "${packages[@]}" >"$DIR/install.log" 2>&1
  else
    "$DIR/venv/bin/pip" install "${packages[@]}" >"$DIR/install.log" 2>&1
  fi
  if [ -n "${EXTRA:-}" ]; then  # e.g. EXTRA=apache-airflow-providers-openlineage
    if command -v uv >/dev/null && [ -z "${NO_UV:-}" ]; then VIRTUAL_ENV="$DIR/venv" uv pip install $EXTRA >>"$DIR/install.log" 2>&1
    else "$DIR/venv/bin/pip" install $EXTRA >>"$DIR/install.log" 2>&1; fi
  fi
fi
version=$("$DIR/venv/bin/python" -c 'import importlib.metadata as m; print(m.version("apache-airflow"))')
installed=$SECONDS
# Delete everything of an earlier start: the test counts all runs of the server, and changes the files of DAGs.
rm -rf "$DIR/home" "$DIR/run" "$DIR/logs" "$DIR/dags" "$DIR/env.sh"
mkdir -p "$DIR/home" "$DIR/run" "$DIR/logs"
cp -r "$DAGS_SOURCE" "$DIR/dags"
random_hex() { "$PY" -c 'import secrets;print(secrets.token_hex(16))'; }
admin=${AIRFLOW_ADMIN_PASSWORD:-$(random_hex)}; viewer=${AIRFLOW_VIEWER_PASSWORD:-$(random_hex)}
printf '{"admin": "%s", "viewer": "%s"}\n' "$admin" "$viewer" >"$DIR/home/passwords.json"
printf '{"base_url": "http://127.0.0.1:%s", "username": "admin", "password": "%s", "viewer_password": "%s", "version": "%s"}\n' \
  "$PORT" "$admin" "$viewer" "$version" >"$DIR/client.json"
cat >"$DIR/env.sh" <<EOS
export AIRFLOW_HOME='$DIR/home'
export PATH='$DIR/venv/bin':"\$PATH"
export AIRFLOW__CORE__DAGS_FOLDER='$DAGS'
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__EXECUTOR=LocalExecutor
export AIRFLOW__CORE__PARALLELISM=4
export AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION=True
export AIRFLOW__CORE__AUTH_MANAGER=airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS='admin:admin,viewer:viewer'
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE='$DIR/home/passwords.json'
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL='http://127.0.0.1:$PORT/execution/'
export AIRFLOW__API__HOST=127.0.0.1
export AIRFLOW__API__PORT=$PORT
export AIRFLOW__API__BASE_URL='http://127.0.0.1:$PORT'
export AIRFLOW__API__WORKERS=1
export AIRFLOW__API__SECRET_KEY='$(random_hex)'
export AIRFLOW__API_AUTH__JWT_SECRET='$(random_hex)$(random_hex)$(random_hex)'
export AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL=10
export AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC=1
export AIRFLOW__TRIGGERER__DEFAULT_CAPACITY=10
export no_proxy=127.0.0.1,localhost
EOS
. "$DIR/env.sh"
airflow db migrate >"$DIR/logs/migrate.log" 2>&1
migrated=$SECONDS
start() { name=$1; shift; setsid "$@" >"$DIR/logs/$name.log" 2>&1 </dev/null & echo $! >"$DIR/run/$name.pid"; }
start api-server airflow api-server --host 127.0.0.1 --port "$PORT"
start dag-processor airflow dag-processor
# The log servers of the scheduler and the triggerer would listen on every address, so they are not started.
start scheduler airflow scheduler --skip-serve-logs
start triggerer airflow triggerer --skip-serve-logs
for _ in $(seq 1 180); do
  healthy=$("$DIR/venv/bin/python" - "$PORT" <<'EOP' 2>/dev/null || true
import json,sys,urllib.request
h=json.load(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/api/v2/monitor/health",timeout=3))
print(all((h.get(k) or {}).get("status")=="healthy" for k in ("metadatabase","scheduler","dag_processor")))
EOP
)
  [ "$healthy" = True ] && break; sleep 1
done
ready=$SECONDS
echo "airflow $version on http://127.0.0.1:$PORT healthy=$healthy: install $((installed - begun)) s, migrate $((migrated - installed)) s, start $((ready - migrated)) s, venv $(du -sh "$DIR/venv" | cut -f1)"
[ "$healthy" = True ]

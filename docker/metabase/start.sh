#!/bin/sh
# Start Metabase with its secrets from files. Not every version of Metabase reads files itself.
set -eu
MB_DB_PASS=$(cat /run/secrets/metabase_app_password)
MB_ENCRYPTION_SECRET_KEY=$(cat /run/secrets/metabase_encryption_key)
export MB_DB_PASS MB_ENCRYPTION_SECRET_KEY
exec /app/run_metabase.sh

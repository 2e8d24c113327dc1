#!/bin/sh
# Read Metabase's secrets from files into variables, and start Metabase. Some versions of Metabase cannot read files.
set -eu
MB_DB_PASS=$(cat /run/secrets/metabase_app_password)
MB_ENCRYPTION_SECRET_KEY=$(cat /run/secrets/metabase_encryption_key)
export MB_DB_PASS MB_ENCRYPTION_SECRET_KEY
exec /app/run_metabase.sh

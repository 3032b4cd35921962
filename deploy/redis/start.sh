#!/bin/sh
# Starts Redis with the password of REDIS_PASSWORD, which goes in by standard input: it is in no file and no
# process list. `exec`, so that Redis itself gets SIGTERM and flushes its file.
set -eu
: "${REDIS_PASSWORD:?set REDIS_PASSWORD}"
case "$REDIS_PASSWORD" in
*[!A-Za-z0-9_-]*)
    echo "REDIS_PASSWORD: letters, digits, _ and - only, since it is a part of REDIS_URL" >&2
    exit 1
    ;;
esac
exec redis-server "${REDIS_CONF:-/etc/pastiche/redis.conf}" - <<END
requirepass $REDIS_PASSWORD
END

#!/bin/sh
# backup.sh FILE [redis-cli's arguments, such as -h redis -p 6379]
# Copies everything that a running Redis holds into FILE, as of one moment: whatever was acknowledged before this
# command is in it. Redis goes on serving. The password comes from REDISCLI_AUTH.
# Redis sends a snapshot as it would to a replica: a copy of the append-only files themselves could end in the
# middle of a write, and lack what `everysec` has not written yet.
set -eu
umask 077
file=${1:?usage: backup.sh FILE [redis-cli arguments]}
shift
partial=$(mktemp "$file.XXXXXX")
trap 'rm -f "$partial"' EXIT
redis-cli "$@" --rdb "$partial" >&2
if [ "$(head -c 5 "$partial")" != REDIS ]; then
    echo "backup.sh: what came is no snapshot of Redis; is REDISCLI_AUTH right?" >&2
    exit 1
fi
if command -v redis-check-rdb >/dev/null; then
    redis-check-rdb "$partial" >&2
fi
sync "$partial"
mv "$partial" "$file"

#!/bin/sh
# Healthy once Redis has read its file and takes commands.
[ "$(REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli "$@" ping)" = PONG ]

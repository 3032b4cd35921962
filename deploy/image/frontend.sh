#!/bin/sh
# frontend.sh discord|telegram: starts a frontend; without its token it says so and ends well, so that
# `restart: on-failure` leaves it off and the others go on.
set -eu
case "${1:-}" in
discord) name=Discord setting=DISCORD_TOKEN token=${DISCORD_TOKEN:-} ;;
telegram) name=Telegram setting=TELEGRAM_TOKEN token=${TELEGRAM_TOKEN:-} ;;
*)
    echo "usage: frontend.sh discord|telegram" >&2
    exit 2
    ;;
esac
if [ -z "$token" ]; then
    echo "$setting is not set: the $name bot stays off."
    exit 0
fi
exec pastiche "$1"

#!/bin/sh
# restore.sh FILE FOLDER
# Makes FOLDER the data folder of a Redis that holds what was backed up. Run it while no Redis runs there, then start
# Redis. An append-only file may begin with a snapshot, so a backup is one as it stands; Redis 7 moves it to where it
# keeps such files now.
set -eu
umask 077
file=${1:?usage: restore.sh FILE FOLDER}
folder=${2:?usage: restore.sh FILE FOLDER}
if [ "$(head -c 5 "$file")" != REDIS ]; then
    echo "restore.sh: $file is no backup" >&2
    exit 1
fi
for old in appendonly.aof appendonlydir dump.rdb; do
    if [ -e "$folder/$old" ]; then
        echo "restore.sh: $folder holds data ($old); move it away first" >&2
        exit 1
    fi
done
mkdir -p "$folder"
cp "$file" "$folder/appendonly.aof.partial"
sync "$folder/appendonly.aof.partial"
mv "$folder/appendonly.aof.partial" "$folder/appendonly.aof"

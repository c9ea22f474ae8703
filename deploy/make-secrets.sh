#!/bin/sh
# Make deploy/secrets/: passwords of our own servers by chance, an empty file for what only you know (empty: not set).
# What is there already stays. Containers read the files as other users, so they are open; the folder is not.
set -eu
umask 077
cd "$(dirname "$0")"
folder=${1:-secrets}
mkdir -p "$folder"

chance() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # keep NAME CONTENT
  [ -s "$folder/$1" ] || printf '%s\n' "$2" >"$folder/$1"
}

keep secret_key "$(chance)"
keep database_password "$(chance)"
keep redis_password "$(chance)"
keep grafana_password "$(chance)"
keep flower_basic_auth "operator:$(chance)"

database_password=$(cat "$folder/database_password")
redis_password=$(cat "$folder/redis_password")
# With a time limit a migration of a large table would end half-way. How long it waits for a lock `migrate` says itself.
direct_options='options=-c%20statement_timeout%3D0%20-c%20lock_timeout%3D5000'
keep database_url "postgresql://choptym:$database_password@pgbouncer:6432/choptym"
keep database_url_direct "postgresql://choptym:$database_password@postgres:5432/choptym?$direct_options"
keep pgbouncer_users "\"choptym\" \"$database_password\""
keep redis_url "redis://:$redis_password@redis:6379/0"
keep redis_password.conf "requirepass $redis_password"

sed -n 's|^ *[a-z_.]*: {file: secrets/\(.*\)}$|\1|p' compose.yaml | while read -r name; do
  [ -e "$folder/$name" ] || : >"$folder/$name"
done
chmod 444 "$folder"/*

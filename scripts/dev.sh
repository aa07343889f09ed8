#!/usr/bin/env bash
# The server on its defaults, and Vite's dev server in front of it with reload on every change; Ctrl-C ends both.
# usage: dev.sh BINARY [SERVER ARGUMENT]...
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$1
shift
"$binary" server "$@" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

echo "==> The UI with reload: http://127.0.0.1:5173 (it asks the server that starts beside it)"
npm --prefix assets/ui run --silent dev

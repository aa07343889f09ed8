#!/usr/bin/env bash
# Measures a binary: benches/program.py, PostgreSQL behind an agent, many agents, many people, then every benches/import*.py. DuckDB
# (as the yardstick) and an Arrow client come from a cached Python environment; the product uses neither.
# usage: bench.sh BINARY
set -euo pipefail

binary=$(realpath "${1:?usage: bench.sh BINARY}")
cd "$(dirname "$0")/.."
venv="${XDG_CACHE_HOME:-$HOME/.cache}/clean-custard/bench"

if ! "$venv/bin/python" -c 'import duckdb, pyarrow' 2>/dev/null; then
  echo "==> Fetch DuckDB and PyArrow for comparison (into $venv)"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv" || {
    echo "*** Python's venv is missing. Please run: sudo apt-get install python3-venv" >&2
    exit 1
  }
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'duckdb>=1.4' 'pyarrow>=20'
fi

if ! type -P wrk >/dev/null; then
  scripts/setup.sh bench || echo "    going on without wrk: a slower load generator takes its place"
fi

echo "==> The program"
"$venv/bin/python" benches/program.py "$binary"
echo "==> PostgreSQL behind an agent"
"$venv/bin/python" benches/postgres.py "$binary"
echo "==> Many agents"
python3 benches/agents.py "$binary"
echo "==> Many people"
type -P wrk >/dev/null || echo "*** wrk is missing, so this part is left out. Please run: sudo apt-get install wrk" >&2
! type -P wrk >/dev/null || python3 benches/accounts.py "$binary"
for bench in benches/import*.py; do
  [ -e "$bench" ] || continue
  echo "==> $bench"
  "$venv/bin/python" "$bench" "$binary"
done

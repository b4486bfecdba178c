#!/usr/bin/env bash
# Loads files into a database of its own and runs the five checks on it. DATA_DIR names the files; without it some are made up.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=${DEMO:-demo}
data=${DATA_DIR:-}
db=$demo/trades.duckdb
lock=$demo/ingest.lock
mkdir -p "$demo"

say() { printf '\n$ %s\n' "$*"; }

if [ -z "$data" ]; then
	data=$demo/data
	if [ ! -d "$data" ]; then
		echo "No DATA_DIR was given, so the files to load are made up:"
		go run ./internal/synth/samples -dir "$data" -end "$(date -u -d yesterday +%F)" # the newest day that Binance has published
	fi
fi

say bin/ingest-aggtrades --db "$db" --data-dir "$data" --lock-file "$lock"
bin/ingest-aggtrades --db "$db" --data-dir "$data" --lock-file "$lock"

check() {
	say "bin/$*"
	"bin/$@" -v || echo "(exit code $?)"
}
check check_ingest_lock --lock-file "$lock"
check check_ingest_disk --db "$db" --data-dir "$data" -w free=2GB: -c free=1GB:
check check_ingest_db --db "$db" --lock-file "$lock" --gaps
check check_ingest_csv --data-dir "$data"
check check_ingest_log --db "$db" --lock-file "$lock"

printf '\nThe database is %s. Load your own files with: make demo DATA_DIR=/path/to/downloads DEMO=/path/to/folder\n' "$db"

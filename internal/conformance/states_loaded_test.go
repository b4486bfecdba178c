package conformance

import (
	"os"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// The states of csv, db and log stand in their own tests. Here each metric of theirs is seen in every form of the binary's output.

func TestCSVOutputs(t *testing.T) {
	t.Parallel()
	const plain = "bad files empty days_missing newest_age bytes"
	const checked = "bad files empty days_missing checksum_failed newest_age bytes"
	in := []string{"--data-dir=$D/in"}
	with := func(args ...string) []string { return append(in[:1:1], args...) }
	testStates(t, "check_ingest_csv", map[string]state{
		"well":                     {scene: firstLoadScene, args: in, code: 0, labels: plain},
		"checksums":                {scene: firstLoadScene, args: with("--checksum"), code: 0, labels: checked},
		"every row":                {scene: firstLoadScene, args: with("--full"), code: 0, labels: checked},
		"a sample":                 {scene: firstLoadScene, args: with("--sample=1"), code: 0, labels: plain},
		"a bad row":                {scene: failedScene, args: with("--full"), code: 2, labels: checked},
		"a bad row is allowed for": {scene: failedScene, args: with("--full", "-c1"), code: 0, labels: checked},
		"a checksum that is wrong": {scene: wrongSumScene, args: with("--checksum"), code: 2, labels: checked},
		"an empty file":            {scene: emptyFileScene, args: in, code: 2, labels: plain},
		"days missing":             {scene: holeScene, args: in, code: 1, labels: plain},
		"too old":                  {scene: firstLoadScene, args: with("-c", "newest_age=1d"), code: 2, labels: plain},
		"too large":                {scene: firstLoadScene, args: with("-w", "bytes=1kB"), code: 1, labels: plain},
		"too few files":            {scene: firstLoadScene, args: with("-w", "files=100:"), code: 1, labels: plain},
		"no file":                  {scene: noFileScene, args: in, code: 2, labels: "bad files empty bytes"},
		"no folder":                {scene: emptyScene, args: []string{"--data-dir=$D/none"}, code: 2},
		"none of a symbol":         {scene: firstLoadScene, args: with("--symbol=XRPUSDT"), code: 2, labels: "bad files empty bytes"},
		"a folder that is closed":  {scene: closedScene, args: []string{"--data-dir=$D/closed"}, nobody: true, code: 3},
	})
}

func TestDBOutputs(t *testing.T) {
	t.Parallel()
	const plain = "age rows symbols size wal_size open_time"
	const loading = "age rows symbols size wal_size snapshot_age heartbeat_age"
	db := []string{"--db=$D/trades.duckdb", "--lock-file=$D/ingest.lock"}
	with := func(args ...string) []string { return append(db[:2:2], args...) }
	testStates(t, "check_ingest_db", map[string]state{
		"well":                        {scene: freeScene, args: db, code: 0, labels: plain},
		"too old":                     {scene: freeScene, args: with("-w1d", "-c2d"), code: 2, labels: plain},
		"gaps":                        {scene: freeScene, args: with("--gaps"), code: 0, labels: "age rows symbols size wal_size days_missing ids_missing open_time"},
		"holes":                       {scene: loadedHoleScene, args: with("--gaps"), code: 1, labels: "age rows symbols size wal_size days_missing ids_missing open_time"},
		"blocks":                      {scene: freeScene, args: with("--blocks"), code: 0, labels: plain},
		"every row":                   {scene: freeScene, args: with("--deep"), code: 0, labels: "age rows symbols size wal_size duplicates invalid nulls bad_price bad_quantity bad_side bad_gross_value bad_time outside_period open_time"},
		"missing":                     {scene: emptyScene, args: db, code: 2},
		"missing, and expected":       {scene: emptyScene, args: with("--missing=ok"), code: 0, labels: "rows"},
		"no database":                 {scene: noDatabaseScene, args: db, code: 2, labels: "size wal_size"},
		"an empty file":               {scene: emptyDatabaseScene, args: db, code: 2, labels: "size wal_size"},
		"a folder":                    {scene: emptyScene, args: []string{"--db=$D/in", "--lock-file=$D/ingest.lock"}, code: 2},
		"cut off":                     {scene: cutDatabaseScene, args: db, code: 2, labels: "size wal_size"},
		"being loaded":                {scene: loadingScene, args: db, code: 0, labels: loading},
		"being loaded, as a warning":  {scene: loadingScene, args: with("--ingest-busy=warning"), code: 1, labels: loading},
		"being loaded by one hanging": {scene: hungScene, args: db, code: 2, labels: loading},
		"held by another":             {scene: heldDatabaseScene, args: db, code: 2, labels: "size wal_size"},
		"after a kill":                {scene: diedScene, args: db, code: 0, labels: plain},
		"as nobody":                   {scene: freeScene, args: db, nobody: true, code: 0, labels: plain},
		"may not be read":             {scene: closedDatabaseScene, args: db, nobody: true, code: 3, labels: "size wal_size"},
	})
}

func TestLogOutputs(t *testing.T) {
	t.Parallel()
	const plain = "failed partial success success_age run_age rows rows_per_second"
	db := []string{"--db=$D/trades.duckdb", "--lock-file=$D/ingest.lock"}
	with := func(args ...string) []string { return append(db[:2:2], args...) }
	testStates(t, "check_ingest_log", map[string]state{
		"well":             {scene: freeScene, args: db, code: 0, labels: plain},
		"too long ago":     {scene: freeScene, args: with("-c", "success_age=@0:1d"), code: 2, labels: plain},
		"a file failed":    {scene: failedScene, args: db, code: 2, labels: plain},
		"that is fine":     {scene: failedScene, args: with("-c5"), code: 0, labels: plain},
		"a load runs":      {scene: loadingScene, args: db, code: 0, labels: plain + " snapshot_age"},
		"a load hangs":     {scene: hungScene, args: db, code: 2, labels: plain + " snapshot_age"},
		"a load died":      {scene: diedScene, args: db, code: 2, labels: plain},
		"nothing ever ran": {scene: emptyScene, args: db, code: 0, labels: "failed partial success"},
		"no database":      {scene: noDatabaseScene, args: db, code: 3},
		"held by another":  {scene: heldDatabaseScene, args: db, code: 0, labels: plain + " snapshot_age"},
		"may not be read":  {scene: closedDatabaseScene, args: db, nobody: true, code: 3, labels: "run_age rows rows_per_second"},
		"no such symbol":   {scene: freeScene, args: with("--symbol=XRPUSDT"), code: 0, labels: "failed partial success run_age rows rows_per_second"},
	})
}

func wrongSumScene(t *testing.T) world {
	t.Helper()
	w := firstLoadScene(t)
	s := sceneSpec()
	path, err := synth.WriteFile(w.data, synth.Mirror, s, synth.Zip)
	if err != nil {
		t.Fatal(err)
	}
	file(t, path+".CHECKSUM", strings.Repeat("0", 64)+"  "+s.Name(synth.Zip))
	return w
}

func emptyFileScene(t *testing.T) world {
	t.Helper()
	w := firstLoadScene(t)
	path, err := synth.WriteFile(w.data, synth.Mirror, sceneSpec().Next().Next().Next().Next(), synth.Plain)
	if err != nil {
		t.Fatal(err)
	}
	file(t, path, "")
	return w
}

func noFileScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	file(t, w.data+"/README", "")
	return w
}

func holeScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	w.put(t, lot{spec: sceneSpec(), files: 2, packing: synth.Zip}, lot{spec: sceneSpec(), from: 4, files: 1, packing: synth.Zip})
	return w
}

func loadedHoleScene(t *testing.T) world {
	t.Helper()
	w := holeScene(t)
	w.mustLoad(t, 0)
	return w
}

func noDatabaseScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	file(t, w.db, strings.Repeat("no database\n", 1000))
	return w
}

func emptyDatabaseScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	file(t, w.db, "")
	return w
}

func cutDatabaseScene(t *testing.T) world {
	t.Helper()
	w := freeScene(t)
	if err := os.Truncate(w.db, 100_000); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(ledger.PathFor(w.db)); err != nil {
		t.Fatal(err)
	}
	return w
}

func heldDatabaseScene(t *testing.T) world {
	t.Helper()
	w := freeScene(t)
	holding{lock: w.dir + "/another.lock", db: w.db, program: []string{"analysis"}}.start(t)
	return w
}

func closedDatabaseScene(t *testing.T) world {
	t.Helper()
	w := freeScene(t)
	if err := os.Chmod(w.db, 0); err != nil {
		t.Fatal(err)
	}
	return w
}

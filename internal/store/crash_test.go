package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// fileRows is a day's worth: enough for row groups that are written to the database before the commit.
const fileRows = 1_200_000

// commitOneFile commits rows and their ledger entry, and leaves the database open.
func commitOneFile(ctx context.Context, path string, o Options) error {
	db, err := Open(ctx, path, o)
	if err != nil {
		return err
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	if n, err := tx.Insert(ctx, um("BTCUSDT"), from(trades(1, fileRows))); err != nil || n != fileRows {
		return fmt.Errorf("insert: %d rows, %w", n, err)
	}
	if err := tx.Record(ctx, ledger.Entry{
		FilePath: "/data/BTCUSDT-aggTrades-2024-01-01.csv", Symbol: "BTCUSDT", Market: catalog.UM, Status: ledger.Success, ProcessedAt: time.Unix(1704153600, 0),
		RowCount: fileRows, RowsInserted: fileRows,
	}); err != nil {
		return err
	}
	return tx.Commit()
}

// TestKillDuringCommit shows why every commit is a checkpoint. In DuckDB's default mode a commit goes through the write-ahead log, and a kill before
// the log's last bytes (the mark that ends the transaction) are on disk leaves a file's rows without its ledger entry. With our settings
// there is no log to be cut.
func TestKillDuringCommit(t *testing.T) {
	t.Parallel()
	newDatabase := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "trades.duckdb")
		if err := Create(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	state := func(t *testing.T, path string) (rows, entries int64) {
		t.Helper()
		db := opened(t, path)
		return count(t, db, "SELECT count(*) FROM aggtrades_history"), count(t, db, "SELECT count(*) FROM ingestion_log")
	}

	t.Run("DuckDB's default mode shows the rows of a transaction that never ended", func(t *testing.T) {
		t.Parallel()
		path := newDatabase(t)
		start(t, "commit-default", path).kill(t)
		log, err := os.Stat(path + ".wal")
		if err != nil {
			t.Fatalf("the default mode left no write-ahead log: %v", err)
		}
		if err := os.Truncate(path+".wal", log.Size()-8); err != nil {
			t.Fatal(err)
		}
		if rows, entries := state(t, path); rows != fileRows || entries != 0 {
			t.Errorf("%d rows and %d ledger entries, expected the broken state of %d and 0: DuckDB may have been mended", rows, entries, fileRows)
		}
	})

	t.Run("our settings leave no log and a whole transaction", func(t *testing.T) {
		t.Parallel()
		path := newDatabase(t)
		start(t, "commit", path).kill(t)
		if log, err := os.Stat(path + ".wal"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a write-ahead log: %v, %v", log, err)
		}
		if rows, entries := state(t, path); rows != fileRows || entries != 1 {
			t.Errorf("%d rows and %d ledger entries, expected %d and 1", rows, entries, fileRows)
		}
	})
}

// sizeVariable is the largest file that the role "create" may write, in bytes.
const sizeVariable = "STORE_TEST_SIZE"

// createWithin creates a database under a limit to the size of files. The kernel ends the process at the write that goes beyond.
func createWithin(ctx context.Context, path string) error {
	size, err := strconv.ParseUint(os.Getenv(sizeVariable), 10, 64)
	if err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size}); err != nil {
		return err
	}
	return Create(ctx, path)
}

func TestCreateInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "trades.duckdb")
	interrupted := 0
	for _, size := range []int{0, 1, 4096, 5000, 8192, 12288, 20000, 274432, 300000, 1 << 20, 64 << 20} {
		cmd := command(t.Context(), t, "create", path, sizeVariable+"="+strconv.Itoa(size))
		cmd.Stderr = nil // the runtime's account of how it died
		err := cmd.Run()
		if err == nil {
			break
		}
		interrupted++
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("creation that ended at %d bytes left something under the real name: %v", size, err)
		}
	}
	if interrupted < 4 {
		t.Fatalf("only %d creations were interrupted", interrupted)
	}
	// Whatever the interrupted ones left is not in the way.
	if _, err := Stat(path); KindOf(err) == KindMissing {
		if err := Create(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	if err := opened(t, path).Table().Check(); err != nil {
		t.Error(err)
	}
}

func TestCreateThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Create(ctx, filepath.Join(dir, "trades.duckdb")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, expected that of the context", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestCreateLeavesWhatExistsAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trades.duckdb")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(t.Context(), path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, expected that it exists", err)
	}
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("it holds %q now, %v", text, err)
	}
}

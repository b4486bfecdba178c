package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/shell"
)

// The layout of a DuckDB file: three headers of 4096 bytes, then blocks. The first header holds, behind an eight-byte checksum, the magic
// "DUCK", the storage version and flags.
const (
	headerSize    = 4096
	leastDatabase = 3 * headerSize
	magicAt       = 8
	versionAt     = 12
	flagsAt       = 20

	// newestStorage is the newest storage version that the linked DuckDB reads, see TestNewestStorage.
	newestStorage = 68
	// flagEncrypted is the bit of the flags that an encrypted database has.
	flagEncrypted = 1
)

// Kinds of errors that only readers meet.
const (
	KindNeedsWriter Kind = 128 + iota // a write-ahead log that only a writer can replay
	KindEncrypted
)

// Recognize looks at the first bytes of the file at a resolved path, so that DuckDB never opens what is no database: for some foreign formats it
// would look for an extension, and its own words do not say what the file is. It errs where the file, or the write-ahead log beside it, may not be read.
//
// It must not be called while this process has the database open: closing its descriptor would drop DuckDB's lock.
func Recognize(path string) error {
	head, size, err := readHead(path)
	if err != nil {
		return err
	}
	if err := recognize(path, head, size); err != nil {
		return err
	}
	// DuckDB reads the log as well, and its words for one that may not be read name the database.
	if _, _, err := readHead(path + ".wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readHead reads the beginning of a file and tells its size.
func readHead(path string) ([]byte, int64, error) {
	// O_NONBLOCK: opening a FIFO would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, unreadable(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &Error{Kind: KindNotRegular, Path: path, Text: "is not a regular file", Remedy: "correct --db"}
	}
	head := make([]byte, headerSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, 0, unreadable(path, err)
	}
	return head[:n], info.Size(), nil
}

// Fingerprint is one state of the database at a resolved path, and what the system says about its file: every checkpoint of DuckDB writes one of the file's three headers,
// and whatever is committed and not in a checkpoint is in a write-ahead log, with which there is no fingerprint but an error.
//
// Like [Recognize] it must not be called while this process has the database open.
func Fingerprint(path string) (string, fs.FileInfo, error) {
	if log, err := os.Stat(path + ".wal"); !errors.Is(err, fs.ErrNotExist) && (err != nil || log.Size() > 0) {
		return "", nil, fmt.Errorf("%s has a write-ahead log: %w", path, cmp.Or(err, fs.ErrExist))
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // which a FIFO does not keep
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	headers := make([]byte, leastDatabase)
	if _, err := io.ReadFull(f, headers); err != nil {
		return "", nil, fmt.Errorf("read the headers of %s: %w", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("%x", sha256.Sum256(headers)), info, nil
}

// IsCurrent reports whether the snapshot tells what the ledger of the database at a resolved path does: it lies beside it, belongs to the same user, and nobody
// wrote to the database since it was written.
//
// Like [Recognize] it must not be called while this process has the database open.
func IsCurrent(s ledger.Snapshot, path string) bool {
	if s.DatabaseHeader == "" {
		return false
	}
	header, info, err := Fingerprint(path)
	return err == nil && header == s.DatabaseHeader && !s.StaleAgainst(info.Size(), info.ModTime()) && sameOwner(ledger.PathFor(path), info)
}

// sameOwner reports whether the file at path belongs to the user that another belongs to: in a folder such as /tmp anybody could have put it there.
func sameOwner(path string, other fs.FileInfo) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	a, aok := info.Sys().(*syscall.Stat_t)
	b, bok := other.Sys().(*syscall.Stat_t)
	return aok && bok && a.Uid == b.Uid
}

// recognize says what is wrong with a file that begins with head.
func recognize(path string, head []byte, size int64) error {
	e := &Error{Kind: KindNotDuckDB, Path: path, Remedy: "correct --db"}
	switch {
	case size == 0:
		e.Text, e.Remedy = "is empty and no database", "remove it: the loader makes a new database where there is none"
	case len(head) < versionAt || string(head[magicAt:versionAt]) != "DUCK":
		e.Text = "is not a DuckDB database but " + foreign(head)
	case size < leastDatabase:
		e.Kind, e.Text = KindCorrupt, fmt.Sprintf("is damaged: it has %s, and no database has less than %s", amount.Of(size, "byte"), amount.Text(leastDatabase))
		e.Remedy = "restore it from a backup, or remove it if it never held anything"
	case binary.LittleEndian.Uint64(head[versionAt:]) > newestStorage:
		e.Kind = KindNewer
		e.Text = fmt.Sprintf("was written by a newer version of DuckDB (storage version %d, this program reads up to %d)",
			binary.LittleEndian.Uint64(head[versionAt:]), newestStorage)
		e.Remedy = "upgrade check-ingest"
	case binary.LittleEndian.Uint64(head[flagsAt:])&flagEncrypted != 0:
		e.Kind, e.Text, e.Remedy = KindEncrypted, "is encrypted, and no key can be given", "keep the trades in a database that is not encrypted"
	default:
		return nil
	}
	return e
}

// foreign names what a file that begins with head is.
func foreign(head []byte) string {
	for _, f := range []struct{ magic, name string }{
		{"SQLite format 3\x00", "an SQLite database"},
		{"PAR1", "a Parquet file"},
		{"PK\x03\x04", "a zip archive"},
		{"\x1f\x8b", "gzip data"},
		{"\x28\xb5\x2f\xfd", "zstd data"},
		{"<", "an HTML or XML page"},
	} {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.name
		}
	}
	for _, b := range head {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
			return "something else"
		}
	}
	return "text"
}

// unreadable explains why a file cannot be opened or read, with the user who tried and the file's owner and mode.
func unreadable(path string, err error) error {
	e := pathError(path, err)
	if e.Kind != KindPermission {
		return e
	}
	name := userOf(os.Geteuid())
	e.Text = "may not be read by user " + name
	if info, serr := os.Stat(path); serr == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			e.Text += fmt.Sprintf(": it belongs to %s, with mode %04o", userOf(int(st.Uid)), info.Mode().Perm())
		}
	}
	e.Remedy = fmt.Sprintf("let that user read it: setfacl -m u:%s:r %s", name, shell.Quote(path))
	return e
}

// userOf is a user's name, or the number where there is none.
func userOf(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

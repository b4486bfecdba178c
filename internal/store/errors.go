package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/shell"
)

// Kind says what is wrong with a database, in terms a user can act on.
type Kind uint8

// The kinds of errors. KindOther is whatever DuckDB said that is none of the rest.
const (
	KindOther Kind = iota
	KindMissing
	KindNotRegular
	KindNotDuckDB
	KindNewer
	KindHeld
	KindCorrupt
	KindPermission
	KindNoSpace
	KindReadOnlyFS
	KindMemory
	KindSchema
	KindIO
)

// Error is a database that cannot be used, or an operation on it that failed: one sentence, and what to do about it.
type Error struct {
	Kind   Kind
	Path   string
	Text   string // what is wrong, one line
	Remedy string // what to do, one line; may be empty
	Holder int    // PID of the process that holds the database, 0 where unknown; only for KindHeld
	Reader bool   // the holder only reads; only for KindHeld
	Err    error
}

// Error is what is wrong and what to do about it, in one line.
func (e *Error) Error() string {
	if e.Remedy == "" {
		return e.Sentence()
	}
	return e.Sentence() + "; " + e.Remedy
}

// Sentence is what is wrong, path first.
func (e *Error) Sentence() string {
	if e.Path == "" {
		return e.Text
	}
	for _, verb := range []string{"is ", "was ", "does ", "has ", "lies ", "may "} {
		if strings.HasPrefix(e.Text, verb) {
			return e.Path + " " + e.Text
		}
	}
	return e.Path + ": " + e.Text
}

// Unwrap is what DuckDB or the system said.
func (e *Error) Unwrap() error { return e.Err }

// Absent adds to the error of a database that does not exist what to do about it, where nothing keeps a load from creating it. For the loader,
// which does that, it is no error.
func Absent(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != KindMissing || e.Remedy != "" {
		return err
	}
	with := *e
	with.Remedy = "correct --db, mount its file system, or load the first files: ingest-aggtrades --db=" + shell.Quote(e.Path) + " --data-dir=DIR"
	return &with
}

// KindOf is the kind of the first [Error] in err's chain, KindOther where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindOther
}

// WantsMemory reports whether what failed might not have with more memory: there was too little of it, or no place for what did not fit into it.
func WantsMemory(err error) bool {
	var d *duckdb.Error
	if KindOf(err) == KindMemory || !errors.As(err, &d) {
		return KindOf(err) == KindMemory
	}
	return slices.ContainsFunc([]string{"max_temp_directory_size", "Failed to create directory", "Cannot access directory", spilled}, func(text string) bool {
		return strings.Contains(d.Msg, text)
	})
}

// texts maps what DuckDB 1.5.6 says to kinds. The error's type does not tell a held database from a damaged one or a
// full disk (all are IO errors), so the text decides. The first match wins.
//
//nolint:gochecknoglobals // a constant table
var texts = []struct {
	text   string
	kind   Kind
	says   string
	remedy string
}{
	{"Could not set lock on file", KindHeld, "is held open by another process", "wait until that process is done"},
	{"No space left on device", KindNoSpace, "no space left on its file system", "free space there and run again: nothing that was committed is lost"},
	{"Disk quota exceeded", KindNoSpace, "disk quota exceeded", "free space or raise the quota and run again: nothing that was committed is lost"},
	{"File too large", KindNoSpace, "the file may not grow further (file size limit)", "raise the limit (ulimit -f) and run again: nothing that was committed is lost"},
	{"max_temp_directory_size", KindNoSpace, "no space left for its temporary files", "free space, or raise --memory-limit, and run again: nothing that was committed is lost"},
	{"Failed to create directory", KindIO, "temporary files cannot be written beside it", remedyTemporary},
	{"Cannot access directory", KindIO, "temporary files cannot be written beside it", remedyTemporary},
	{"not a valid DuckDB database file", KindNotDuckDB, "is not a DuckDB database", "correct --db"},
	{"sqlite_scanner", KindNotDuckDB, "is an SQLite database, not one of DuckDB", "correct --db"}, // what DuckDB would load an extension for
	{"Trying to read a database file with version number", KindNewer, "was written by a newer version of DuckDB", "upgrade check-ingest"},
	{"was written with a storage version greater than", KindNewer, "was written by a newer version of DuckDB", "upgrade check-ingest"},
	{"compiled vector size", KindNewer, "was written by a DuckDB built with another vector size", "open it with the program that wrote it and export it"},
	{"Could not read enough bytes from file", KindCorrupt, "is damaged: it ends before its content does", "restore it from a backup"},
	{"Corrupt WAL file", KindCorrupt, "has a damaged write-ahead log", "restore both files from one backup, or move the log away and lose what it holds"},
	{"Corrupt", KindCorrupt, "is damaged: a block's checksum does not match", "restore it from a backup"},
	{"corrupt database file", KindCorrupt, "is damaged: a block holds what cannot be", "restore it from a backup"},
	{"WAL does not match database file", KindCorrupt, "has a write-ahead log that belongs to another state of it", "restore both files from one backup"},
	{"Failure while replaying WAL", KindCorrupt, "has a write-ahead log that cannot be replayed", "keep both files and restore them from one backup"},
	{"Read-only file system", KindReadOnlyFS, "lies on a file system that is mounted read-only", "remount it read-write"},
	{"Permission denied", KindPermission, "permission denied", "run as a user who may use it"},
	{"Out of Memory Error", KindMemory, "DuckDB needs more memory than it may use", "raise --memory-limit"},
	{"Input/output error", KindIO, "input/output error", remedyDisk},
	{"fsync failed", KindIO, "the disk did not accept a write (fsync failed)", remedyDisk},
}

const remedyDisk = "look at the disk (dmesg)"

// remedyTemporary has one %s, for the name of the folder.
const remedyTemporary = "make %s a folder that this user may write to, or remove it, and run again"

// holderPID finds the PID in "Conflicting lock is held in /usr/bin/x (PID 123)".
var holderPID = regexp.MustCompile(`\(PID (\d+)\)`)

// explain turns an error of DuckDB or its driver about the database at path into an [Error]. Errors of a cancelled context, nil, and
// errors that are explained already come back as they are. An interrupted statement is a cancelled context too: nothing else interrupts
// one, but where that happens before it runs the driver does not say so.
func explain(path string, err error) error {
	var known *Error
	var d *duckdb.Error
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &d) && d.Type == duckdb.ErrorTypeInterrupt:
		return fmt.Errorf("%w: %w", context.Canceled, err)
	}
	text := err.Error()
	for _, t := range texts {
		if !strings.Contains(text, t.text) {
			continue
		}
		e := &Error{Kind: t.kind, Path: path, Text: t.says, Remedy: t.remedy, Err: err}
		if t.remedy == remedyTemporary {
			e.Remedy = fmt.Sprintf(t.remedy, filepath.Base(TempDirectory(path)))
		}
		if t.kind == KindHeld {
			e.Reader = strings.Contains(text, "you would be able to open this database in read-only mode")
			if m := holderPID.FindStringSubmatch(text); m != nil {
				e.Holder, _ = strconv.Atoi(m[1]) // the pattern leaves nothing that Atoi could refuse but overflow
				e.Text = "is held open by " + nameOf(e.Holder)
			}
		}
		return e
	}
	return &Error{Kind: KindOther, Path: path, Text: firstLine(text), Err: err}
}

// nameOf names a process as far as this one may see it.
func nameOf(pid int) string {
	h, _ := runstate.ReadHolder(runstate.DefaultProcRoot, pid) // after an error it has what could be seen
	return h.String()
}

// firstLine cuts DuckDB's stack traces and hints.
func firstLine(s string) string {
	s = strings.TrimPrefix(s, "database/sql/driver: could not connect to database: ")
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// Broken reports whether err left the open database unusable: every further call would fail until it is opened again.
func Broken(err error) bool {
	var d *duckdb.Error
	return errors.As(err, &d) && (d.Type == duckdb.ErrorTypeFatal || d.Type == duckdb.ErrorTypeInternal) ||
		err != nil && strings.Contains(err.Error(), "database has been invalidated")
}

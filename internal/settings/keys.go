package settings

import (
	"slices"

	"github.com/alecthomas/kong"
)

// Apps are the six binaries, and so the names that a section of the file may have.
func Apps() []string {
	return []string{
		"check_ingest_lock", "check_ingest_disk", "check_ingest_db", "check_ingest_csv", "check_ingest_log",
		"ingest-aggtrades",
	}
}

// Keys are the flags of a binary that the file may set, which are all but those of [notKeys]; nil where
// there is no such binary. The list stands here and not in the binaries because each must know the keys of all the
// others in order to tell a key that is not meant for it from a misspelt one. [Drift] finds what is missing in it.
func Keys(app string) []string {
	check := []string{"warning", "critical", "timeout", "timeout-state", "verbose", "output", "gate"}
	switch app {
	case "check_ingest_lock":
		return append(check, "lock-file", "held")
	case "check_ingest_disk":
		return append(check, "db", "data-dir", "path", "symbol", "market", "start-date", "end-date")
	case "check_ingest_db":
		return append(check, "db", "lock-file", "symbol", "market", "missing", "busy", "ingest-busy", "gaps", "blocks", "deep")
	case "check_ingest_csv":
		return append(check, "data-dir", "symbol", "market", "start-date", "end-date", "sample", "checksum", "full", "widened")
	case "check_ingest_log":
		return append(check, "db", "lock-file", "symbol", "market")
	case "ingest-aggtrades":
		return []string{
			"db", "data-dir", "symbol", "market", "start-date", "end-date", "lock-file", "wait", "dry-run", "replace",
			"retries", "throttle", "threads", "memory-limit", "batch-rows", "strict", "output", "log-format",
			"cpuprofile", "no-progress", "max-unpacked", "widen-quantity", "verbose", "timeout", "min-free",
			"scan", "html", "table", "sample",
		}
	default:
		return nil
	}
}

// notKeys are the flags that only make sense on a command line.
func notKeys() []string { return []string{"help", "version", "config", "completion", "man"} }

// Drift compares [Keys] with the flags that a binary really has, those of its commands included, and names the flags
// that Keys lacks and the keys that are no flag. It is for the binary's tests.
func Drift(app string, model *kong.Application) (missing, extra []string) {
	flags := notKeys()
	// The visitor returns no error of its own, so Visit has none.
	_ = kong.Visit(model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			flags = append(flags, f.Name)
		}
		return next(nil)
	})
	keys := Keys(app)
	for _, f := range flags {
		if !slices.Contains(keys, f) && !slices.Contains(notKeys(), f) && !slices.Contains(missing, f) {
			missing = append(missing, f)
		}
	}
	for _, k := range keys {
		if !slices.Contains(flags, k) {
			extra = append(extra, k)
		}
	}
	return missing, extra
}

// knownTop are the keys that may stand outside sections.
func knownTop() []string {
	var keys []string
	for _, app := range Apps() {
		keys = append(keys, Keys(app)...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

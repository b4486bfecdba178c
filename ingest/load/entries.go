package load

import (
	"slices"

	"github.com/check-ingest/check-ingest/internal/ledger"
)

// entries is the ledger as it will be read next time: what the table held, and what this run committed.
type entries struct{ byPath map[string]*ledger.Entry }

func newEntries(list []ledger.Entry) *entries {
	e := &entries{byPath: make(map[string]*ledger.Entry, len(list))}
	e.set(list...)
	return e
}

// set notes entries, which are not changed any more.
func (e *entries) set(list ...ledger.Entry) {
	for i := range list {
		e.byPath[list[i].FilePath] = &list[i]
	}
}

func (e *entries) forget(path string) { delete(e.byPath, path) }

func (e *entries) all() []ledger.Entry { return e.without("") }

// without is all entries but that of one path, ordered by path.
func (e *entries) without(path string) []ledger.Entry {
	list := make([]ledger.Entry, 0, len(e.byPath))
	for p, entry := range e.byPath {
		if p != path {
			list = append(list, *entry)
		}
	}
	slices.SortFunc(list, func(a, b ledger.Entry) int {
		if a.FilePath < b.FilePath {
			return -1
		}
		return 1
	})
	return list
}

package source

import (
	"path/filepath"
	"strings"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// marketOf is the market that a folder's name stands for; false for most names.
func marketOf(folder string) (catalog.Market, bool) {
	switch strings.ToLower(folder) {
	case "spot":
		return catalog.Spot, true
	case "um", "usd-m", "usdm", "usds-m":
		return catalog.UM, true
	case "cm", "coin-m", "coinm":
		return catalog.CM, true
	default:
		return "", false
	}
}

// marketAbove is the market that the data dir's own path tells: its last element may be any of the names, for instance
// /srv/aggtrades/um. Further up only the mirror's data/spot, futures/um and futures/cm count, since /home/um may as well be somebody's home.
func marketAbove(dir string) (catalog.Market, bool) {
	if m, ok := marketOf(filepath.Base(dir)); ok {
		return m, true
	}
	for dir = filepath.Dir(dir); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		m, ok := marketOf(filepath.Base(dir))
		parent := strings.ToLower(filepath.Base(filepath.Dir(dir)))
		if ok && (m == catalog.Spot && parent == "data" || m != catalog.Spot && parent == "futures") {
			return m, true
		}
	}
	return "", false
}

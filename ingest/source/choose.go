package source

import (
	"fmt"
	"slices"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Choose keeps one file of each market, symbol and period, in the order they came in, and says of the others why they are not read.
//
// A .csv that is [Whole] goes first, since it need not be inflated; then .zip, .csv.zst, .csv.gz, and last a .csv that is not whole. Of
// equals the first path is taken. Files are opened only where there is a .csv and something else.
func Choose(files []File) (chosen []File, dropped []Skipped) {
	type identity struct {
		series catalog.Series
		period catalog.Period
	}
	copies := make(map[identity][]int, len(files))
	for i, f := range files {
		id := identity{f.Series, f.Period}
		copies[id] = append(copies[id], i)
	}
	for i, f := range files {
		rivals := copies[identity{f.Series, f.Period}]
		if len(rivals) == 1 {
			chosen = append(chosen, f)
			continue
		}
		if rivals[0] != i {
			continue // settled when the first of them came
		}
		ranked := rank(files, rivals)
		chosen = append(chosen, ranked[0].File)
		for _, r := range ranked[1:] {
			dropped = append(dropped, Skipped{r.Path, r.reason(ranked[0])})
		}
	}
	return chosen, dropped
}

// candidate is one of several copies. The lower its rank, the better.
type candidate struct {
	File
	rank   int
	broken bool // a .csv that is not whole
}

func rank(files []File, copies []int) []candidate {
	ranked := make([]candidate, 0, len(copies))
	for _, i := range copies {
		c := candidate{File: files[i]}
		switch c.Format {
		case CSV:
			if whole, err := Whole(c.Path); err != nil || !whole {
				c.rank, c.broken = 4, true
			}
		case ZIP:
			c.rank = 1
		case ZSTD:
			c.rank = 2
		case GZIP:
			c.rank = 3
		}
		ranked = append(ranked, c)
	}
	slices.SortFunc(ranked, func(a, b candidate) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return a.Compare(b.File)
	})
	return ranked
}

func (c candidate) reason(winner candidate) string {
	same := fmt.Sprintf("same market, symbol and period as %s: ", winner.Path)
	switch {
	case c.broken && winner.Format != CSV:
		return same + "this .csv is empty, unreadable or ends in the middle of a line, so the " + winner.Format.Suffix() + " is read"
	case c.rank == winner.rank:
		return same + "the first path is read"
	default:
		return same + "the " + winner.Format.Suffix() + " is read"
	}
}

// Whole reports whether a .csv looks complete by the cheapest test there is: it is not empty and ends in a newline.
func Whole(path string) (bool, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info.Size() == 0 {
		return false, nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return false, ioFault(path, "read", err)
	}
	return last[0] == '\n', nil
}

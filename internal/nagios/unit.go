package nagios

import "math/big"

// Unit is the base unit of a metric. Only these five are understood alike by everything that reads performance data.
type Unit string

// The units. Metrics are always given in them; the suffixes that [ParseRangeIn] accepts are converted.
const (
	None    Unit = ""
	Seconds Unit = "s"
	Bytes   Unit = "B"
	Percent Unit = "%"
	Counter Unit = "c" // only ever grows; monitoring systems graph its rate
)

// Name is how help and error messages call the unit.
func (u Unit) Name() string {
	switch u {
	case Seconds:
		return "seconds"
	case Bytes:
		return "bytes"
	case Percent:
		return "percent"
	case Counter, None:
		return "a plain number"
	default:
		return string(u)
	}
}

// scale is a suffix that a number in a range may carry, and what it multiplies by.
type scale struct {
	suffix   string
	num, den int64
}

func (s scale) factor() *big.Rat { return big.NewRat(s.num, s.den) }

// scales lists the suffixes that fit the unit, smallest first. They are case-sensitive but for the k of kB, which is
// written both ways. A bare k, M or G is in no list: it does not say whether 1000 or 1024 is meant.
func (u Unit) scales() []scale {
	switch u {
	case Seconds:
		return []scale{{"ms", 1, 1000}, {"s", 1, 1}, {"m", 60, 1}, {"h", 3600, 1}, {"d", 86400, 1}}
	case Bytes:
		return []scale{
			{"B", 1, 1},
			{"kB", 1e3, 1},
			{"KB", 1e3, 1},
			{"MB", 1e6, 1},
			{"GB", 1e9, 1},
			{"TB", 1e12, 1},
			{"PB", 1e15, 1},
			{"KiB", 1 << 10, 1},
			{"MiB", 1 << 20, 1},
			{"GiB", 1 << 30, 1},
			{"TiB", 1 << 40, 1},
			{"PiB", 1 << 50, 1},
		}
	case Percent:
		return []scale{{"%", 1, 1}}
	default:
		return nil
	}
}

// suffixHelp names the suffixes of the unit for messages: "ms, s, m, h or d".
func (u Unit) suffixHelp() string {
	switch u {
	case Seconds:
		return "ms, s, m (minutes), h or d"
	case Bytes:
		return "B, kB, MB, GB, TB or KiB, MiB, GiB, TiB"
	case Percent:
		return "% or nothing"
	default:
		return "a number without a unit"
	}
}

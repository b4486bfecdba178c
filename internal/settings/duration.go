package settings

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a flag that holds a length of time: "30" and "30s" are seconds, "500ms", "2m", "26h", "1h30m" and "2d"
// are what they look like. Negative ones are errors.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	long := s
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			long = strconv.FormatUint(n*24, 10) + "h"
		}
	} else if strings.Trim(s, "0123456789.") == "" {
		long = s + "s"
	}
	parsed, err := time.ParseDuration(long)
	if err != nil || parsed < 0 {
		return fmt.Errorf("duration %q: expected a number of seconds, or one with a unit such as 500ms, 30s, 2m, 26h or 2d", s)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalText writes a duration that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the duration as [time.Duration] writes it, without the parts that are zero: "2m", not "2m0s".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

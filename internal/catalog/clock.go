package catalog

import "time"

// clockTolerance is how far in the future a time may be before nobody believes it: clocks differ, and who compares with now may have asked for
// that some time ago.
const clockTolerance = 10 * time.Minute

// InFuture reports whether at cannot be the time of something that happened: the clock was set back since, or was wrong then. How long ago it
// happened is then not known.
func InFuture(at, now time.Time) bool { return at.Sub(now) > clockTolerance }

// Believable is the latest time that is not [InFuture].
func Believable(now time.Time) time.Time { return now.Add(clockTolerance) }

// Later is the later of two times, in UTC. One in the future counts where the other is none, and not else: it would hide what happened since the clock
// was set right.
func Later(a, b, now time.Time) time.Time {
	switch future := InFuture(a, now); {
	case a.IsZero():
		return b.UTC()
	case b.IsZero():
		return a.UTC()
	case future != InFuture(b, now):
		if future {
			return b.UTC()
		}
		return a.UTC()
	case b.After(a):
		return b.UTC()
	default:
		return a.UTC()
	}
}

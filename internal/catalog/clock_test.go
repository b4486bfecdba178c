package catalog

import (
	"testing"
	"time"
)

func TestInFuture(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for name, tt := range map[string]struct {
		at   time.Time
		want bool
	}{
		"now":                         {now, false},
		"as far as clocks may differ": {now.Add(10 * time.Minute), false},
		"farther":                     {now.Add(10*time.Minute + 1), true},
		"farther than can be counted": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), true},
		"long ago":                    {time.Time{}, false},
	} {
		if got := InFuture(tt.at, now); got != tt.want || got == !tt.at.After(Believable(now)) {
			t.Errorf("%s: %v, want %v; believable until %s", name, got, tt.want, Believable(now))
		}
	}
}

func TestLater(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	old, recent, future, farFuture := now.Add(-time.Hour), now.Add(-time.Minute), now.Add(time.Hour), now.AddDate(1, 0, 0)
	for name, tt := range map[string]struct{ a, b, want time.Time }{
		"both past":                {old, recent, recent},
		"one in the future":        {old, future, old},
		"both in the future":       {future, farFuture, farFuture},
		"one, which is past":       {time.Time{}, old, old},
		"one, which is the future": {time.Time{}, future, future},
		"none":                     {time.Time{}, time.Time{}, time.Time{}},
	} {
		if got, turned := Later(tt.a, tt.b, now), Later(tt.b, tt.a, now); !got.Equal(tt.want) || !turned.Equal(tt.want) {
			t.Errorf("%s: %s and %s, want %s", name, got, turned, tt.want)
		}
	}
}

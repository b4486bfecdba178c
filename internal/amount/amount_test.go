package amount_test

import (
	"math"
	"testing"

	"github.com/check-ingest/check-ingest/internal/amount"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 rows", 1: "1 row", 2: "2 rows", 999: "999 rows", 1000: "1,000 rows", 2_400_000: "2,400,000 rows", -1234: "-1,234 rows",
		math.MaxInt64: "9,223,372,036,854,775,807 rows", math.MinInt64: "-9,223,372,036,854,775,808 rows",
	} {
		if got := amount.Of(n, "row"); got != want {
			t.Errorf("Of(%d, row) = %q, want %q", n, got, want)
		}
	}
	if got := amount.Of(2, "series"); got != "2 series" {
		t.Errorf("Of(2, series) = %q", got)
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0", 0.25: "0.25", 999.5: "999.5", 1234.5: "1,234.5", 1982554380: "1,982,554,380", -1234567: "-1,234,567", 1e21: "1,000,000,000,000,000,000,000",
	} {
		if got := amount.Decimal(v); got != want {
			t.Errorf("Decimal(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1 kB", 67_654_321: "67.7 MB", 999_499: "999 kB", 999_500: "1 MB", 61_200_000_000: "61.2 GB", -2000: "-2 kB",
		math.MaxInt64: "9.22 EB",
	} {
		if got := amount.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	if text, shown := amount.Size(67_654_321, 5); text != "67.654 MB" || shown != 67_654_000 {
		t.Errorf("Size(67654321, 5) = %q, %v", text, shown)
	}
}

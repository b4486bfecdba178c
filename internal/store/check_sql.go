package store

import _ "embed" // the statements

// The statements of the checks. Where one holds %s or %[1]s, a condition or expression made of constants takes its place, since tables
// differ in the columns they have; symbols and markets are bound.
var (
	//go:embed sql/check_newest.sql
	sqlCheckNewest string
	//go:embed sql/check_newest_since.sql
	sqlCheckNewestSince string
	//go:embed sql/check_series.sql
	sqlCheckSeries string
	//go:embed sql/check_series_old.sql
	sqlCheckSeriesOld string
	//go:embed sql/check_outcomes.sql
	sqlCheckOutcomes string
	//go:embed sql/check_failures.sql
	sqlCheckFailures string
	//go:embed sql/check_last_run.sql
	sqlCheckLastRun string
	//go:embed sql/check_days.sql
	sqlCheckDays string
	//go:embed sql/check_tables.sql
	sqlCheckTables string
	//go:embed sql/check_block.sql
	sqlCheckBlock string
	//go:embed sql/check_buckets.sql
	sqlCheckBuckets string
	//go:embed sql/check_defects.sql
	sqlCheckDefects string
	//go:embed sql/check_duplicates.sql
	sqlCheckDuplicates string
	//go:embed sql/check_duplicate_example.sql
	sqlCheckDuplicateExample string
	//go:embed sql/check_outside_period.sql
	sqlCheckOutsidePeriod string

	//go:embed sql/verify_span.sql
	sqlVerifySpan string
	//go:embed sql/verify_bounds.sql
	sqlVerifyBounds string
	//go:embed sql/verify_days.sql
	sqlVerifyDays string
	//go:embed sql/verify_narrow.sql
	sqlVerifyNarrow string
	//go:embed sql/verify_repeats.sql
	sqlVerifyRepeats string
	//go:embed sql/verify_files.sql
	sqlVerifyFiles string
	//go:embed sql/verify_other.sql
	sqlVerifyOther string
)

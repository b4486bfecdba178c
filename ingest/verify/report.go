package verify

import (
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// ReportSchema is the version of [Report]'s JSON. It changes when a field changes its meaning; new fields alone do not change it.
const ReportSchema = 1

// Report is what a verification found. Times are UTC.
type Report struct {
	Schema    int       `json:"schema"`
	Version   string    `json:"version"`
	Database  string    `json:"database"`
	StartedAt time.Time `json:"started_at"`
	Seconds   float64   `json:"seconds"`

	Scope       Scope   `json:"scope"`
	Sample      *Sample `json:"sample,omitempty"` // nil: no sample
	Checked     Checked `json:"checked"`
	Rows        int64   `json:"rows"`          // that were looked at
	RowsInTable int64   `json:"rows_in_table"` // of all series and days

	Series   []Series  `json:"series"`
	Defects  []Finding `json:"defects"`  // what must not be
	Warnings []Finding `json:"warnings"` // what is unusual, or known to be so
	Notes    []string  `json:"notes"`

	ExitCode int    `json:"exit_code"`
	Error    string `json:"error,omitempty"` // why it ended early, or could not begin
}

// Scope is what was asked for; what is empty narrows nothing.
type Scope struct {
	Symbols  []string       `json:"symbols"`
	Market   catalog.Market `json:"market,omitempty"`
	FirstDay string         `json:"first_day,omitempty"`
	LastDay  string         `json:"last_day,omitempty"`
}

// Sample is which days were looked at instead of all.
type Sample struct {
	Days   []catalog.Day `json:"days"`
	OfDays int           `json:"of_days"` // that could have been
}

// Extent is how much of something was done.
type Extent string

// The extents.
const (
	Nothing Extent = "nothing"
	Partly  Extent = "partly"
	Wholly  Extent = "wholly" // within scope and sample
)

// Checked is how far each part of the verification got.
type Checked struct {
	Values      Extent `json:"values"`       // each row by itself
	RepeatedIDs Extent `json:"repeated_ids"` // ids that come twice
	Ledger      Extent `json:"ledger"`       // rows against ingestion_log, times against files' periods
	Holes       Extent `json:"holes"`        // missing days and ids
	Neighbours  Extent `json:"neighbours"`   // days against the days beside them
}

// Complete reports whether the verification got to its end.
func (c Checked) Complete() bool { return c.Holes == Wholly }

// Series is what there is of one market and symbol.
type Series struct {
	Market   catalog.Market `json:"market,omitempty"` // "" where the table has no such column
	Symbol   string         `json:"symbol"`
	Exchange string         `json:"exchange,omitempty"` // "" where the table has no such column

	Rows     int64        `json:"rows"`
	Days     int          `json:"days"` // that have rows
	FirstDay *catalog.Day `json:"first_day,omitempty"`
	LastDay  *catalog.Day `json:"last_day,omitempty"`
	FirstAt  time.Time    `json:"first_at,omitzero"`
	LastAt   time.Time    `json:"last_at,omitzero"`
	FirstID  int64        `json:"first_id"` // -1 where no row has one
	LastID   int64        `json:"last_id"`

	LowPrice  float64 `json:"low_price"`
	HighPrice float64 `json:"high_price"`
	Quantity  float64 `json:"quantity"` // sum
	Value     float64 `json:"value"`    // sum of price x quantity, which means nothing in COIN-M
	Sells     int64   `json:"sells"`    // rows whose taker sold
	Zeros     int64   `json:"zero_quantity"`

	DaysMissing          int   `json:"days_missing"` // of these, as published:
	DaysMissingPublished int   `json:"days_missing_published"`
	IDsMissing           int64 `json:"ids_missing"` // of these, as published:
	IDsMissingPublished  int64 `json:"ids_missing_published"`

	Files        int   `json:"files"`          // of the ledger that were compared
	FilesNot     int   `json:"files_not"`      // that were not, since they reach beyond what was looked at
	RowsNoLedger int64 `json:"rows_no_ledger"` // of days for which the ledger has no file
}

// Kind is a way in which something can be wrong, or unusual.
type Kind string

// The kinds of defects.
const (
	RepeatedRow    Kind = "repeated_row"
	ConflictingID  Kind = "conflicting_id"
	MissingValue   Kind = "missing_value"
	BadPrice       Kind = "bad_price"
	BadQuantity    Kind = "bad_quantity"
	BadSide        Kind = "bad_side"
	BadGrossValue  Kind = "bad_gross_value"
	BadTime        Kind = "bad_time"
	OutsidePeriod  Kind = "outside_period"
	RowsLost       Kind = "rows_lost"
	RowsUnrecorded Kind = "rows_unrecorded"
	DaysMissing    Kind = "days_missing"
	IDsMissing     Kind = "ids_missing"
	NoRows         Kind = "no_rows"
)

// The kinds of warnings.
const (
	DaysUnpublished Kind = "days_not_published"
	IDsUnpublished  Kind = "ids_not_published"
	UnusualRows     Kind = "unusual_rows_a_day"
	UnusualPrice    Kind = "unusual_price"
	RowsLeftOut     Kind = "rows_left_out"
)

// Finding is one thing that was found in one series.
type Finding struct {
	Kind     Kind           `json:"kind"`
	Market   catalog.Market `json:"market,omitempty"`
	Symbol   string         `json:"symbol"`
	Exchange string         `json:"exchange,omitempty"`
	Count    int64          `json:"count"`              // rows, days or ids, by the kind
	FirstID  *int64         `json:"first_id,omitempty"` // the smallest id among the rows
	File     string         `json:"file,omitempty"`
	Places   []Place        `json:"places,omitempty"`
	Text     string         `json:"text"`
	Remedy   string         `json:"remedy,omitempty"`
}

// Place is where something is missing or unusual.
type Place struct {
	FirstDay catalog.Day `json:"first_day"`
	LastDay  catalog.Day `json:"last_day"`
	AfterID  *int64      `json:"after_id,omitempty"` // the ids lie between these two
	BeforeID *int64      `json:"before_id,omitempty"`
	Count    int64       `json:"count"`
}

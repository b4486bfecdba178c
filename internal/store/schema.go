package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The tables.
const (
	tradesTable = "aggtrades_history"
	ledgerTable = "ingestion_log"
)

// ledgerColumns are ingestion_log's columns with their types: the eight that the scripts' ledger has, then ours.
//
//nolint:gochecknoglobals // a constant table
var ledgerColumns = []Column{
	{Name: "file_path", Type: "VARCHAR"},
	{Name: "symbol", Type: "VARCHAR"},
	{Name: "processed_at", Type: "TIMESTAMP"},
	{Name: "row_count", Type: "BIGINT"},
	{Name: "status", Type: "VARCHAR"},
	{Name: "error_message", Type: "VARCHAR"},
	{Name: "file_size_bytes", Type: "BIGINT"},
	{Name: "processing_time_ms", Type: "BIGINT"},
	{Name: "market", Type: "VARCHAR"},
	{Name: "period_start", Type: "DATE"},
	{Name: "period_end", Type: "DATE"},
	{Name: "file_mtime", Type: "TIMESTAMP"},
	{Name: "sha256", Type: "VARCHAR"},
	{Name: "first_agg_trade_id", Type: "BIGINT"},
	{Name: "last_agg_trade_id", Type: "BIGINT"},
	{Name: "first_trade_at", Type: "TIMESTAMP"},
	{Name: "last_trade_at", Type: "TIMESTAMP"},
	{Name: "rows_inserted", Type: "BIGINT"},
	{Name: "rows_duplicate", Type: "BIGINT"},
	{Name: "rows_conflict", Type: "BIGINT"},
	{Name: "rows_voided", Type: "BIGINT"},
	{Name: "ids_missing", Type: "BIGINT"},
	{Name: "days_missing", Type: "VARCHAR"},
	{Name: "attempts", Type: "BIGINT"},
	{Name: "run_id", Type: "VARCHAR"},
}

// Column is one column of a table as DuckDB's catalog has it.
type Column struct {
	Name     string
	Type     string
	NotNull  bool
	Default  bool // has a default, or is generated
	Computed bool // GENERATED ALWAYS
}

// Table is what aggtrades_history and the ledger of a database look like.
type Table struct {
	Columns []Column   // of aggtrades_history; empty where it does not exist
	Keys    [][]string // the columns of each primary key, unique constraint or unique index
	Ledger  []Column   // of ingestion_log; empty where it does not exist
	Indexes []Index    // of aggtrades_history, unique or not, as they were created
	Comment string     // of aggtrades_history
}

// Index is an index that a statement created.
type Index struct{ Name, SQL string }

// Column is the column of that name.
func (t Table) Column(name string) (Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return t.Columns[i], true
}

// HasMarket reports whether rows of different markets can be told apart.
func (t Table) HasMarket() bool { _, ok := t.Column("market"); return ok }

// Keyed reports whether the table itself refuses a second row with the same id and symbol.
func (t Table) Keyed() bool {
	return slices.ContainsFunc(t.Keys, func(k []string) bool { return slices.Contains(k, "agg_trade_id") })
}

// OneSymbolOnly reports whether a unique key on agg_trade_id alone makes the table unfit for a second symbol, whose ids would collide.
func (t Table) OneSymbolOnly() bool {
	return slices.ContainsFunc(t.Keys, func(k []string) bool { return len(k) == 1 && k[0] == "agg_trade_id" })
}

// Ours reports whether the table and the ledger are such as the loader makes them, as far as that matters to what is told of them.
func (t Table) Ours() bool {
	return t.Check() == nil && t.HasMarket() && len(t.Keys) == 0 && len(t.LedgerMissing()) == 0
}

// LedgerMissing are the columns ingestion_log lacks; all of them where there is no such table.
func (t Table) LedgerMissing() []Column {
	var missing []Column
	for _, c := range ledgerColumns {
		if !slices.ContainsFunc(t.Ledger, func(l Column) bool { return l.Name == c.Name }) {
			missing = append(missing, c)
		}
	}
	return missing
}

// decimalType reads DECIMAL(18,8).
var decimalType = regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`)

// Limit is the largest price or quantity the column holds, in 1e-8 units.
func (c Column) Limit() int64 {
	whole, ok := c.wholeDigits()
	if !ok || whole > 10 {
		return math.MaxInt64
	}
	limit := int64(1e8)
	for range whole {
		limit *= 10
	}
	return limit - 1
}

// wholeDigits is how many digits a decimal column holds before the point.
func (c Column) wholeDigits() (int, bool) {
	m := decimalType.FindStringSubmatch(c.Type)
	if m == nil {
		return 0, false
	}
	width, _ := strconv.Atoi(m[1]) // the pattern leaves only digits, at most two by DuckDB's own limit
	scale, _ := strconv.Atoi(m[2])
	return width - scale, true
}

// wide reports whether price and quantity must travel as BIGINT units, since DECIMAL(18,8) might not hold them.
func (t Table) wide() bool {
	price, _ := t.Column("price")
	quantity, _ := t.Column("quantity")
	return max(price.Limit(), quantity.Limit()) == math.MaxInt64
}

// Check says, before anything is changed, why rows cannot be kept correct in this table; nil where they can.
func (t Table) Check() error {
	if len(t.Columns) == 0 {
		return errors.New("has no table " + tradesTable)
	}
	for _, need := range []string{"agg_trade_id", "timestamp", "symbol", "price", "quantity", "side"} {
		if _, ok := t.Column(need); !ok {
			return fmt.Errorf("its table %s has no column %s, without which rows cannot be told apart or read", tradesTable, need)
		}
	}
	for _, c := range t.Columns {
		if err := c.check(); err != nil {
			return fmt.Errorf("its table %s has %w", tradesTable, err)
		}
	}
	for _, k := range t.Keys {
		if !slices.Contains(k, "agg_trade_id") && !slices.Equal(k, []string{"id"}) {
			return fmt.Errorf("its table %s has a key on %s, which trades that differ share", tradesTable, strings.Join(k, ", "))
		}
	}
	return nil
}

func (c Column) check() error {
	bad := func(want string) error {
		return fmt.Errorf("a column %s of type %s, expected %s", c.Name, c.Type, want)
	}
	switch c.Name {
	case "agg_trade_id":
		if c.Type != "BIGINT" && c.Type != "UBIGINT" && c.Type != "HUGEINT" {
			return bad("BIGINT: ids passed 2^31 long ago")
		}
	case "timestamp":
		if c.Type != "TIMESTAMP" && c.Type != "TIMESTAMP WITH TIME ZONE" {
			return bad("TIMESTAMP, which keeps microseconds")
		}
	case "price", "quantity":
		m := decimalType.FindStringSubmatch(c.Type)
		if c.Type != "DOUBLE" && (m == nil || len(m[2]) == 1 && m[2] < "8") {
			return bad("DOUBLE or DECIMAL with at least 8 decimals")
		}
	case "symbol", "exchange":
		if c.Type != "VARCHAR" && !strings.HasPrefix(c.Type, "ENUM(") {
			return bad("VARCHAR")
		}
	case "side", "market":
		if c.Type != "VARCHAR" && !strings.HasPrefix(c.Type, "ENUM(") {
			return bad("VARCHAR or ENUM")
		}
	case "gross_value", "id":
	default:
		if c.NotNull && !c.Default {
			return fmt.Errorf("a column %s that must be filled, and nobody knows with what", c.Name)
		}
	}
	return nil
}

// Table is what the database's tables look like.
func (db *DB) Table() Table { return db.table }

// inspect reads the catalog.
func (db *DB) inspect(ctx context.Context) error {
	t, err := readTable(ctx, db.conn)
	if err != nil {
		return explain(db.path, err)
	}
	db.table = t
	return nil
}

func readTable(ctx context.Context, q querier) (Table, error) {
	var t Table
	ledger, _, err := readDDL(ctx, q, ledgerTable)
	if err != nil {
		return t, err
	}
	if ledger != "" {
		if t.Ledger, err = readColumns(ctx, q, ledgerTable); err != nil {
			return t, err
		}
	}
	ddl, comment, err := readDDL(ctx, q, tradesTable)
	if err != nil || ddl == "" {
		return t, err
	}
	t.Comment = comment
	if t.Columns, err = readColumns(ctx, q, tradesTable); err != nil {
		return t, err
	}
	for i, c := range t.Columns {
		t.Columns[i].Computed = regexp.MustCompile(`\b` + regexp.QuoteMeta(c.Name) + `"? [^,]*GENERATED ALWAYS`).MatchString(ddl)
	}
	keys, err := query(ctx, q, sqlTableKeys, func(r scanner) (string, error) {
		var s string
		return s, r.Scan(&s)
	}, tradesTable, tradesTable)
	if err != nil {
		return t, err
	}
	for _, k := range keys {
		columns := strings.Split(k, ",")
		for i := range columns {
			columns[i] = strings.Trim(columns[i], ` "'`)
		}
		t.Keys = append(t.Keys, columns)
	}
	t.Indexes, err = query(ctx, q, sqlTableIndexes, func(r scanner) (Index, error) {
		var i Index
		return i, r.Scan(&i.Name, &i.SQL)
	}, tradesTable)
	return t, err
}

// readColumns reads the columns of a table that exists.
func readColumns(ctx context.Context, q querier, table string) ([]Column, error) {
	return query(ctx, q, sqlTableColumns, func(r scanner) (Column, error) {
		var c Column
		var def string
		err := r.Scan(&c.Name, &c.Type, &c.NotNull, &def)
		c.Default = def != ""
		return c, err
	}, table)
}

// readDDL is the statement that would create the table, and its comment; both empty where there is no such table.
func readDDL(ctx context.Context, q querier, table string) (ddl, comment string, err error) {
	rows, err := query(ctx, q, sqlTableDDL, func(r scanner) ([2]string, error) {
		var s [2]string
		return s, r.Scan(&s[0], &s[1])
	}, table)
	if err != nil || len(rows) == 0 {
		return "", "", err
	}
	return rows[0][0], rows[0][1], nil
}

// createSchema makes the tables of a new database.
func (db *DB) createSchema(ctx context.Context) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	for _, statement := range []string{sqlSchemaAggtrades, sqlSchemaLedger, sqlSchemaMark} {
		if _, err := tx.exec(ctx, statement); err != nil {
			return joinRollback(err, tx)
		}
	}
	return tx.Commit()
}

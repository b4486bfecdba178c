// Package olddb holds databases as the Python scripts that check-ingest replaces made them, for tests that load into them.
package olddb

// Shape is what one version of the scripts made of a database.
type Shape struct {
	Name   string
	Trades string   // the statement that makes aggtrades_history
	Before []string // statements that have to go before it
	After  []string // statements that have to follow it, such as secondary indexes
	Ledger bool     // it has the scripts' ingestion_log

	OneSymbol bool // its key is agg_trade_id alone
	Keyed     bool // the table itself refuses a second row with an id
}

// Ledger is the scripts' ingestion_log with its eight columns.
const Ledger = `CREATE TABLE ingestion_log (
    file_path VARCHAR PRIMARY KEY, symbol VARCHAR, processed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, row_count BIGINT,
    status VARCHAR, error_message VARCHAR, file_size_bytes BIGINT, processing_time_ms BIGINT
)`

// Statements are all that make the database, in order.
func (s Shape) Statements() []string {
	statements := append(append(append([]string{}, s.Before...), s.Trades), s.After...)
	if s.Ledger {
		statements = append(statements, Ledger)
	}
	return statements
}

// Shapes are the shapes the design says are loaded as they are.
func Shapes() []Shape {
	const columns = `timestamp TIMESTAMP NOT NULL, symbol VARCHAR NOT NULL, price DECIMAL(18, 8) NOT NULL,
    quantity DECIMAL(18, 8) NOT NULL, side VARCHAR NOT NULL, gross_value DOUBLE NOT NULL`
	return []Shape{
		{
			Name: "primary key agg_trade_id", OneSymbol: true, Keyed: true, Ledger: true,
			Trades: `CREATE TABLE aggtrades_history (agg_trade_id BIGINT PRIMARY KEY, ` + columns + `)`,
		},
		{
			Name: "primary key agg_trade_id, symbol, exchange", Keyed: true, Ledger: true,
			Trades: `CREATE TABLE aggtrades_history (agg_trade_id BIGINT NOT NULL, ` + columns + `, exchange VARCHAR NOT NULL DEFAULT 'binance',
    PRIMARY KEY (agg_trade_id, symbol, exchange))`,
		},
		{
			Name: "primary key and secondary indexes", OneSymbol: true, Keyed: true,
			Trades: `CREATE TABLE aggtrades_history (agg_trade_id BIGINT PRIMARY KEY, ` + columns + `)`,
			After: []string{
				`CREATE INDEX idx_aggtrades_timestamp_symbol ON aggtrades_history(timestamp, symbol)`,
				`CREATE INDEX idx_aggtrades_price ON aggtrades_history(price)`,
			},
		},
		{
			Name:   "id without default",
			Trades: `CREATE TABLE aggtrades_history (id BIGINT NOT NULL, agg_trade_id BIGINT NOT NULL, ` + columns + `)`,
		},
		{
			Name:   "id as primary key without default",
			Trades: `CREATE TABLE aggtrades_history (id BIGINT PRIMARY KEY, agg_trade_id BIGINT NOT NULL, ` + columns + `, exchange VARCHAR)`,
		},
		{
			Name: "id from a sequence", Ledger: true,
			Before: []string{`CREATE SEQUENCE aggtrades_id_seq START 1`},
			Trades: `CREATE TABLE aggtrades_history (id BIGINT PRIMARY KEY DEFAULT nextval('aggtrades_id_seq'), agg_trade_id BIGINT NOT NULL, ` + columns + `)`,
		},
		{
			Name: "price and quantity as DOUBLE",
			Trades: `CREATE TABLE aggtrades_history (agg_trade_id BIGINT, timestamp TIMESTAMP, symbol VARCHAR, price DOUBLE, quantity DOUBLE, side VARCHAR,
    gross_value DOUBLE)`,
		},
		{
			Name: "wide quantity", Keyed: true, Ledger: true,
			Trades: `CREATE TABLE aggtrades_history (agg_trade_id BIGINT NOT NULL, timestamp TIMESTAMP NOT NULL, symbol VARCHAR NOT NULL,
    price DECIMAL(18, 8) NOT NULL, quantity DECIMAL(38, 8) NOT NULL, side VARCHAR NOT NULL, gross_value DOUBLE NOT NULL, exchange VARCHAR,
    UNIQUE (agg_trade_id, symbol))`,
		},
	}
}

package store

import _ "embed" // the statements

// The statements, one a file. Values are bound; what differs between tables (which columns exist) is put together from constants in
// columns.go.
var (
	//go:embed sql/set_utc.sql
	sqlSetUTC string
	//go:embed sql/no_external_access.sql
	sqlNoExternalAccess string
	//go:embed sql/no_fsst.sql
	sqlNoFSST string
	//go:embed sql/schema_1_aggtrades.sql
	sqlSchemaAggtrades string
	//go:embed sql/schema_2_ledger.sql
	sqlSchemaLedger string
	//go:embed sql/schema_3_mark.sql
	sqlSchemaMark string
	//go:embed sql/table_columns.sql
	sqlTableColumns string
	//go:embed sql/table_keys.sql
	sqlTableKeys string
	//go:embed sql/table_ddl.sql
	sqlTableDDL string
	//go:embed sql/table_indexes.sql
	sqlTableIndexes string
	//go:embed sql/ledger_read.sql
	sqlLedgerRead string
	//go:embed sql/ledger_read_old.sql
	sqlLedgerReadOld string
	//go:embed sql/ledger_delete.sql
	sqlLedgerDelete string
	//go:embed sql/staged_all.sql
	sqlStagedAll string
	//go:embed sql/staged.sql
	sqlStaged string
	//go:embed sql/staged_repeats.sql
	sqlStagedRepeats string
	//go:embed sql/staged_span.sql
	sqlStagedSpan string
	//go:embed sql/staged_known_count.sql
	sqlStagedKnownCount string
)

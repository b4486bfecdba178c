package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// WideQuantity is the type that a widened quantity column has. It holds thirty digits before the point.
const WideQuantity = "DECIMAL(38,8)"

// WidenQuantity changes the quantity column to [WideQuantity] and keeps all rows. Where other things depend on the column (a key, an
// index, a computed column) DuckDB cannot change its type, and the table is copied and swapped, which needs the space for it a second
// time. Either way it is one transaction: after a kill the table is the old one or the new one.
func (db *DB) WidenQuantity(ctx context.Context) error {
	quantity, _ := db.table.Column("quantity")
	if quantity.Type == WideQuantity {
		return nil
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	alter := db.alters()
	if alter {
		_, err = tx.exec(ctx, "ALTER TABLE "+tradesTable+" ALTER COLUMN quantity SET DATA TYPE "+WideQuantity)
	} else {
		err = tx.copyAndSwap(ctx)
	}
	if err != nil {
		return joinRollback(err, tx)
	}
	if err := tx.Commit(); err != nil {
		return joinRollback(err, tx)
	}
	return db.inspect(ctx)
}

// alters reports whether the column's type can be changed in place.
func (db *DB) alters() bool {
	for _, c := range db.table.Columns {
		if c.Computed {
			return false
		}
	}
	return len(db.table.Keys) == 0 && len(db.table.Indexes) == 0
}

// quantityColumn finds the quantity column in a CREATE TABLE statement as DuckDB prints it.
var quantityColumn = regexp.MustCompile(`\bquantity (DECIMAL\(\d+,\s*\d+\)|DOUBLE)`)

const swapTable = "aggtrades_history_widened"

// copyAndSwap makes the table anew with a wide quantity, and puts the new one in the old one's place, indexes and comment included.
func (tx *Tx) copyAndSwap(ctx context.Context) error {
	ddl, comment, err := readDDL(ctx, tx.tx, tradesTable)
	if err != nil {
		return tx.fail(err)
	}
	wide := quantityColumn.ReplaceAllString(ddl, "quantity "+WideQuantity)
	wide = strings.Replace(wide, "CREATE TABLE "+tradesTable, "CREATE TABLE "+swapTable, 1)
	if !strings.Contains(wide, swapTable) || !strings.Contains(wide, WideQuantity) {
		return tx.fail(fmt.Errorf("copy the table: its definition is not understood: %s", firstLine(ddl)))
	}
	before, err := tx.number(ctx, "SELECT count(*) FROM "+tradesTable)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range tx.db.table.Columns {
		if !c.Computed {
			names = append(names, `"`+c.Name+`"`)
		}
	}
	columns := strings.Join(names, ", ")
	statements := []string{
		"DROP TABLE IF EXISTS " + swapTable,
		wide,
		"INSERT INTO " + swapTable + " (" + columns + ") SELECT " + columns + " FROM " + tradesTable,
		"DROP TABLE " + tradesTable,
		"ALTER TABLE " + swapTable + " RENAME TO " + tradesTable,
	}
	for _, i := range tx.db.table.Indexes {
		statements = append(statements, i.SQL)
	}
	if comment != "" {
		statements = append(statements, "COMMENT ON TABLE "+tradesTable+" IS '"+strings.ReplaceAll(comment, "'", "''")+"'")
	}
	for _, s := range statements {
		if _, err := tx.exec(ctx, s); err != nil {
			return err
		}
	}
	after, err := tx.number(ctx, "SELECT count(*) FROM "+tradesTable)
	if err != nil {
		return err
	}
	if after != before {
		return tx.fail(errors.New("copy the table: rows were lost; nothing was changed"))
	}
	return nil
}

func (tx *Tx) number(ctx context.Context, statement string, args ...any) (int64, error) {
	n, err := queryOne(ctx, tx.tx, statement, scanInt, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	return n, nil
}

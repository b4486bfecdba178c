package store

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// The driver sets a vector's values one at a time, which costs as much as decoding them. DuckDB's C API hands out a vector's memory, but the driver
// keeps the handle that it needs in fields of its own. Their place in the struct is looked up here, once and by name and type: in a version of
// the driver that has other fields the values are set one at a time. TestVectorsAreFilledBothWays compares the two.

// chunkLayout is where the fields of a [duckdb.DataChunk] lie that lead to its vectors' memory.
type chunkLayout struct {
	known             bool
	chunk, projection uintptr
}

func findChunkLayout() chunkLayout {
	t := reflect.TypeFor[duckdb.DataChunk]()
	chunk, ok := t.FieldByName("chunk")
	projection, ok2 := t.FieldByName("projection")
	return chunkLayout{
		known: ok && ok2 && chunk.Type == reflect.TypeFor[mapping.DataChunk]() && projection.Type == reflect.TypeFor[[]int](),
		chunk: chunk.Offset, projection: projection.Offset,
	}
}

// fillColumn copies values into a column of a chunk. T must be the column's physical type: int64 for BIGINT and DECIMAL(18,8), bool for BOOLEAN.
func fillColumn[T int64 | bool](l chunkLayout, chunk *duckdb.DataChunk, column int, values []T) error {
	if !l.known {
		for row, v := range values {
			if err := chunk.SetValue(column, row, v); err != nil {
				return fmt.Errorf("fill column %d: %w", column, err)
			}
		}
		return nil
	}
	if len(values) > BatchRows {
		return fmt.Errorf("fill column %d: %d values, a vector holds %d", column, len(values), BatchRows)
	}
	base := unsafe.Pointer(chunk)
	projection := *(*[]int)(unsafe.Add(base, l.projection))
	at := projection[column]
	if at < 0 { // the statement does not read this column
		return nil
	}
	vector := mapping.DataChunkGetVector(*(*mapping.DataChunk)(unsafe.Add(base, l.chunk)), mapping.IdxT(at))
	copy(unsafe.Slice((*T)(mapping.VectorGetData(vector)), BatchRows), values)
	return nil
}

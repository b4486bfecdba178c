package store

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/duckdb/duckdb-go/v2"
)

// Batch is some rows on their way into the database, column by column. FirstTrade, LastTrade and Order are read by
// [Tx.InsertStaged] only. All slices must have the same length, at most [BatchRows].
type Batch struct {
	ID         []int64
	Time       []int64 // microseconds since the epoch, UTC
	Price      []int64 // in 1e-8 units
	Quantity   []int64 // in 1e-8 units
	BuyerMaker []bool

	FirstTrade []int64
	LastTrade  []int64
	Order      []int64 // increases along the file, so that of two rows the first is known
}

// Slice is the rows from one place to before another; it shares b's memory.
func (b Batch) Slice(from, to int) Batch {
	return Batch{
		ID: b.ID[from:to], Time: b.Time[from:to], Price: b.Price[from:to], Quantity: b.Quantity[from:to], BuyerMaker: b.BuyerMaker[from:to],
		FirstTrade: b.FirstTrade[from:to], LastTrade: b.LastTrade[from:to], Order: b.Order[from:to],
	}
}

// Clone is a copy of b with memory of its own.
func (b Batch) Clone() Batch {
	numbers := make([]int64, 0, 7*len(b.ID)) // one allocation for the seven columns of numbers
	column := func(values []int64) []int64 {
		from := len(numbers)
		numbers = append(numbers, values...)
		return numbers[from:len(numbers):len(numbers)]
	}
	return Batch{
		ID: column(b.ID), Time: column(b.Time), Price: column(b.Price), Quantity: column(b.Quantity), BuyerMaker: slices.Clone(b.BuyerMaker),
		FirstTrade: column(b.FirstTrade), LastTrade: column(b.LastTrade), Order: column(b.Order),
	}
}

// BatchRows is the largest number of rows in a [Batch]: DuckDB's vector size.
const BatchRows = 2048

// Source gives the rows of one file. DuckDB's threads read it at the same time, each through a Reader of its own.
type Source interface {
	// Reader is called once a thread.
	Reader() Reader
	// Parallelism is how many threads can usefully read.
	Parallelism() int
}

// Ordered is a [Source] that knows, once all its rows were read, whether their ids strictly increase. Staging such a file is cheaper, since none
// of its rows can repeat another.
type Ordered interface {
	Increasing() bool
}

// Reader gives rows until it returns an empty batch. A batch is valid until the next call. After an error it is not called again.
type Reader interface {
	Next(ctx context.Context) (Batch, error)
}

// feeds are the table functions through which DuckDB reads sources: load_rows(handle), staged_rows(handle), and for columns
// wider than eighteen digits load_wide_rows and staged_wide_rows, which give price and quantity as BIGINT units.
type feeds struct {
	mu      sync.Mutex
	sources map[int64]*feed
	last    int64
	layout  chunkLayout
}

// feed is one source while a statement reads it. DuckDB keeps only the text of an error, so the error itself is kept here.
type feed struct {
	source Source
	staged bool
	wide   bool
	layout chunkLayout
	ctx    context.Context //nolint:containedctx // the statement's; DuckDB's callbacks have no other way to it

	mu  sync.Mutex
	err error
}

// feedNames are the table functions by (staged, wide).
//
//nolint:gochecknoglobals // a constant table
var feedNames = map[[2]bool]string{
	{false, false}: "load_rows", {false, true}: "load_wide_rows",
	{true, false}: "staged_rows", {true, true}: "staged_wide_rows",
}

func registerFeeds(conn *sql.Conn) (*feeds, error) {
	f := &feeds{sources: map[int64]*feed{}, layout: findChunkLayout()}
	handle, err := duckdb.NewTypeInfo(duckdb.TYPE_BIGINT)
	if err != nil {
		return nil, fmt.Errorf("describe table function: %w", err)
	}
	for _, name := range feedNames {
		err := duckdb.RegisterTableUDF(conn, name, duckdb.ParallelChunkTableFunction{
			Config:               duckdb.TableFunctionConfig{Arguments: []duckdb.TypeInfo{handle}},
			BindArgumentsContext: f.bind,
		})
		if err != nil {
			return nil, fmt.Errorf("register table function %s: %w", name, err)
		}
	}
	return f, nil
}

// open gives source a handle for the statement that ctx belongs to. The caller closes it when the statement is done.
func (f *feeds) open(ctx context.Context, source Source, staged, wide bool) (int64, *feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	opened := &feed{source: source, staged: staged, wide: wide, layout: f.layout, ctx: ctx}
	f.sources[f.last] = opened
	return f.last, opened
}

func (f *feeds) close(handle int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sources, handle)
}

func (f *feeds) bind(_ context.Context, _ map[string]any, args ...any) (duckdb.ParallelChunkTableSource, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	handle, _ := args[0].(int64)
	opened, ok := f.sources[handle]
	if !ok {
		return nil, fmt.Errorf("no source with handle %v", args[0])
	}
	return opened, nil
}

// ColumnInfos implements [duckdb.ParallelChunkTableSource].
func (f *feed) ColumnInfos() []duckdb.ColumnInfo {
	bigint, _ := duckdb.NewTypeInfo(duckdb.TYPE_BIGINT) // errs only for types that need parameters
	boolean, _ := duckdb.NewTypeInfo(duckdb.TYPE_BOOLEAN)
	number := bigint
	if !f.wide {
		number, _ = duckdb.NewDecimalInfo(18, 8) // errs only for widths out of range
	}
	columns := []duckdb.ColumnInfo{
		{Name: "agg_trade_id", T: bigint}, {Name: "time_us", T: bigint}, {Name: "price", T: number}, {Name: "quantity", T: number}, {Name: "buyer_maker", T: boolean},
	}
	if f.staged {
		columns = append(columns, duckdb.ColumnInfo{Name: "first_trade_id", T: bigint}, duckdb.ColumnInfo{Name: "last_trade_id", T: bigint}, duckdb.ColumnInfo{Name: "file_order", T: bigint})
	}
	return columns
}

// Cardinality implements [duckdb.ParallelChunkTableSource]; how many rows a file has is not known.
func (f *feed) Cardinality() *duckdb.CardinalityInfo { return nil }

// Init implements [duckdb.ParallelChunkTableSource].
func (f *feed) Init() duckdb.ParallelTableSourceInfo {
	return duckdb.ParallelTableSourceInfo{MaxThreads: f.source.Parallelism()}
}

// NewLocalState implements [duckdb.ParallelChunkTableSource]. A panic must not cross into DuckDB's frames, where it would
// end the process or hang it, so it becomes a reader that fails.
func (f *feed) NewLocalState() (state any) {
	defer func() {
		if p := recover(); p != nil {
			state = failedReader{fmt.Errorf("open rows: panic: %v\n%s", p, debug.Stack())}
		}
	}()
	return f.source.Reader()
}

type failedReader struct{ err error }

func (r failedReader) Next(context.Context) (Batch, error) { return Batch{}, r.err }

// FillChunk implements [duckdb.ParallelChunkTableSource]. DuckDB's own threads call it.
func (f *feed) FillChunk(state any, chunk duckdb.DataChunk) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decode rows: panic: %v\n%s", p, debug.Stack())
		}
		if err != nil {
			f.fail(err)
			_ = chunk.SetSize(0) // an error is being reported already
		}
	}()
	if err := f.ctx.Err(); err != nil {
		return err
	}
	reader, _ := state.(Reader) // NewLocalState made it; a nil reader panics, which is caught above
	batch, err := reader.Next(f.ctx)
	if err != nil {
		return err
	}
	if err := f.fill(&chunk, batch); err != nil {
		return err
	}
	return chunk.SetSize(len(batch.ID))
}

// fill copies a batch into DuckDB's vectors. Every declared column is written and every statement reads every column: writing one that
// a statement does not read costs fifty times as much.
func (f *feed) fill(chunk *duckdb.DataChunk, b Batch) error {
	columns := [][]int64{b.ID, b.Time, b.Price, b.Quantity, nil, b.FirstTrade, b.LastTrade, b.Order}
	if !f.staged {
		columns = columns[:5]
	}
	for c, values := range columns {
		if values == nil {
			continue
		}
		if err := fillColumn(f.layout, chunk, c, values); err != nil {
			return err
		}
	}
	return fillColumn(f.layout, chunk, 4, b.BuyerMaker)
}

func (f *feed) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

// cause is the source's own error; nil where it had none.
func (f *feed) cause() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

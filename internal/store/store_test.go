package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

type genSource struct {
	n, step int64
	next    atomic.Int64
	par     int
}
type genReader struct {
	s *genSource
	b Batch
}

func (s *genSource) Parallelism() int { return s.par }
func (s *genSource) Reader() Reader {
	return &genReader{s: s, b: Batch{ID: make([]int64, 2048), Time: make([]int64, 2048), Price: make([]int64, 2048), Quantity: make([]int64, 2048), BuyerMaker: make([]bool, 2048), FirstTrade: make([]int64, 2048), LastTrade: make([]int64, 2048), Order: make([]int64, 2048)}}
}
func (r *genReader) Next(context.Context) (Batch, error) {
	at := r.s.next.Add(2048) - 2048
	n := min(2048, r.s.n-at)
	if n <= 0 {
		return Batch{}, nil
	}
	b := r.b
	for i := range n {
		k := at + i
		b.ID[i] = k
		b.Time[i] = 1700000000000000 + k*70000
		b.Price[i] = 6123450000000 + (k*7919%1000)*1000000
		b.Quantity[i] = (k * 104729 % 997) * 100000
		b.BuyerMaker[i] = k*31%3 == 0
		b.FirstTrade[i] = k
		b.LastTrade[i] = k
		b.Order[i] = k
	}
	return Batch{ID: b.ID[:n], Time: b.Time[:n], Price: b.Price[:n], Quantity: b.Quantity[:n], BuyerMaker: b.BuyerMaker[:n], FirstTrade: b.FirstTrade[:n], LastTrade: b.LastTrade[:n], Order: b.Order[:n]}, nil
}
func TestBasic(t *testing.T) {
	ctx := t.Context()
	p := filepath.Join(t.TempDir(), "a.duckdb")
	if err := Create(ctx, p); err != nil {
		t.Fatal(err)
	}
	db, err := Open(ctx, p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	fmt.Printf("%+v\n", db.Table())
	if err := db.Table().Check(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		t0 := time.Now()
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		s := catalog.Series{Market: "um", Symbol: fmt.Sprint("BTCUSDT", i)}
		n, err := tx.Insert(ctx, s, &genSource{n: 3000000, par: 4})
		if err != nil {
			t.Fatal(err)
		}
		t1 := time.Now()
		c, err := tx.Count(ctx, s, 0, 3000000)
		if err != nil {
			t.Fatal(err)
		}
		t2 := time.Now()
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		t.Log(n, c, t1.Sub(t0), t2.Sub(t1), time.Since(t2))
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t0 := time.Now()
	st, err := tx.InsertStaged(ctx, catalog.Series{Market: "um", Symbol: "BTCUSDT0"}, &genSource{n: 3100000, par: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(st, time.Since(t0), tx.Commit())
	_ = errors.New
}

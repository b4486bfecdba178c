package aggtrades

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outcome is what decoding a block comes to.
type outcome struct {
	Rows   []row // priceZero and quantityZero are not set
	Voided int64
	Fault  fault
}

// fault is where and why a block is refused; its zero value stands for a sound block.
type fault struct {
	Line  int64
	Field string
	Err   error
}

// reference decodes a block the slow and obvious way: it is the specification of [Decoder] and shares no code with it.
type reference struct {
	idForm, decimalForm *regexp.Regexp
}

func newReference() *reference {
	return &reference{
		idForm:      regexp.MustCompile(`^[0-9]{1,19}$`),
		decimalForm: regexp.MustCompile(`^([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$`),
	}
}

func (ref *reference) decode(block []byte, firstLine int64, o Options) outcome {
	var out outcome
	for line := firstLine; len(block) > 0; line++ {
		end := bytes.IndexByte(block, '\n') + 1
		if end == 0 {
			out.Fault = fault{line, "", ErrTruncated}
			return out
		}
		r, voided, field, err := ref.row(string(block[:end]), o)
		switch {
		case err != nil:
			out.Fault = fault{line, field, err}
			return out
		case voided:
			out.Voided++
		default:
			out.Rows = append(out.Rows, r)
		}
		block = block[end:]
	}
	return out
}

// row decodes one line, given with its end.
func (ref *reference) row(line string, o Options) (r row, voided bool, field string, err error) {
	if line == "\n" || line == "\r\n" {
		return row{}, false, "", ErrEmptyLine
	}
	// A quote is an error in every field, which encoding/csv must not hide.
	record, err := csv.NewReader(strings.NewReader(strings.ReplaceAll(line, `"`, "?"))).Read()
	if err != nil {
		return row{}, false, "", err
	}
	if len(record) != o.Format.Columns {
		return row{}, false, "", ErrColumns
	}
	fail := func(name string, e error) {
		if err == nil && e != nil {
			field, err = name, e
		}
	}
	var price, quantity *big.Rat
	var e error
	r.id, e = ref.id(record[0])
	fail("agg_trade_id", e)
	r.price, price, e = ref.decimal(record[1], o.Limits.Price)
	fail("price", e)
	r.quantity, quantity, e = ref.decimal(record[2], o.Limits.Quantity)
	fail("quantity", e)
	r.firstTrade, e = ref.tradeID(record[3])
	fail("first_trade_id", e)
	r.lastTrade, e = ref.tradeID(record[4])
	fail("last_trade_id", e)
	r.time, e = ref.id(record[5])
	fail("transact_time", e)
	r.buyerMaker, e = ref.boolean(record[6])
	fail("is_buyer_maker", e)
	if len(record) == 8 {
		_, e = ref.boolean(record[7])
		fail("is_best_match", e)
	}
	if err != nil {
		return row{}, false, field, err
	}
	if r.time < 1e14 {
		r.time *= 1000
	}
	if price.Sign() == 0 && quantity.Sign() == 0 && r.firstTrade == -1 && r.lastTrade == -1 {
		return row{}, true, "", nil
	}
	field, err = ref.trade(r, price, o)
	return r, false, field, err
}

// trade tells what is wrong with r as a trade.
func (*reference) trade(r row, price *big.Rat, o Options) (field string, err error) {
	const year2009, year2100 = 1230768000e6, 4102444800e6
	day := math.Floor(float64(r.time/1000) / 86400e3) // exact: a time in milliseconds has less than 53 bits
	switch {
	case price.Sign() == 0:
		return "price", ErrNotTrade
	case r.firstTrade < 0:
		return "first_trade_id", ErrNotTrade
	case r.firstTrade > r.lastTrade:
		return "last_trade_id", ErrNotTrade
	case r.time < year2009 || r.time >= year2100:
		return "transact_time", ErrTime
	case o.Period.First != o.Period.End && (day < float64(o.Period.First) || day >= float64(o.Period.End)):
		return "transact_time", ErrOutsidePeriod
	}
	return "", nil
}

func (ref *reference) id(s string) (int64, error) {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || !ref.idForm.MatchString(s) || !n.IsInt64() {
		return 0, ErrNumber
	}
	return n.Int64(), nil
}

func (ref *reference) tradeID(s string) (int64, error) {
	if s == "-1" {
		return -1, nil
	}
	return ref.id(s)
}

func (*reference) boolean(s string) (bool, error) {
	for text, v := range map[string]bool{
		"true": true, "True": true, "TRUE": true, "false": false, "False": false, "FALSE": false,
	} {
		if s == text {
			return v, nil
		}
	}
	return false, ErrBoolean
}

// decimal returns s in units, rounded half away from zero, and as it is.
func (ref *reference) decimal(s string, limit int64) (units int64, exact *big.Rat, err error) {
	m := ref.decimalForm.FindStringSubmatch(s)
	if m == nil {
		return 0, nil, ErrNumber
	}
	mantissa, _ := new(big.Int).SetString(m[1]+m[2], 10)
	exponent := new(big.Int)
	if m[3] != "" {
		exponent.SetString(strings.TrimPrefix(m[3], "+"), 10)
	}
	// Beyond this many digits the exponent alone decides; big.Rat would need gigabytes to find out.
	if most := int64(len(s) + 40); !exponent.IsInt64() || exponent.Int64() > most || exponent.Int64() < -most {
		exponent.SetInt64(most * int64(exponent.Sign()))
	}
	power := new(big.Int).Exp(big.NewInt(10), new(big.Int).Abs(exponent), nil)
	exact = new(big.Rat).SetInt(mantissa)
	if exponent.Sign() < 0 {
		exact.Quo(exact, new(big.Rat).SetInt(power))
	} else {
		exact.Mul(exact, new(big.Rat).SetInt(power))
	}
	exact.Quo(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(m[2]))), nil)))
	scaled := new(big.Rat).Mul(exact, big.NewRat(1e8, 1))
	half := scaled.Add(scaled, big.NewRat(1, 2))
	rounded := new(big.Int).Quo(half.Num(), half.Denom())
	if !rounded.IsInt64() || limit > 0 && rounded.Int64() > limit {
		return 0, nil, ErrTooWide
	}
	return rounded.Int64(), exact, nil
}

// decode is what d makes of a block, taken in batches of the given capacity, in the reference's terms.
func decode(d *Decoder, block []byte, firstLine int64, capacity int) (outcome, error) {
	var out outcome
	rows := NewRows(capacity)
	d.Reset(block, firstLine)
	for {
		more, err := d.Next(rows)
		for i := range rows.N {
			out.Rows = append(out.Rows, row{
				id: rows.ID[i], price: rows.Price[i], quantity: rows.Quantity[i], firstTrade: rows.FirstTrade[i],
				lastTrade: rows.LastTrade[i], time: rows.Time[i], buyerMaker: rows.BuyerMaker[i],
			})
		}
		if err == nil && more {
			continue
		}
		out.Voided = d.Voided()
		var rowErr *RowError
		if errors.As(err, &rowErr) {
			out.Fault = fault{rowErr.Line, rowErr.Field, rowErr.Err}
		} else if err != nil {
			return out, fmt.Errorf("error %w is no RowError", err)
		}
		return out, nil
	}
}

// agreement compares one decoder with the reference, block after block.
type agreement struct {
	tb   testing.TB
	ref  *reference
	d    *Decoder
	opts Options
}

func newAgreement(tb testing.TB, o Options) *agreement {
	tb.Helper()
	return &agreement{tb: tb, ref: newReference(), d: NewDecoder(o), opts: o}
}

// check decodes a block twice on the same decoder, in batches of different size, and returns what came out.
func (a *agreement) check(block []byte) outcome {
	a.tb.Helper()
	want := a.ref.decode(block, 7, a.opts)
	for _, capacity := range []int{3, 64} {
		got, err := decode(a.d, block, 7, capacity)
		if err != nil {
			a.tb.Fatalf("block %q: %v", block, err)
		}
		if !same(got, want) {
			a.tb.Fatalf("block %q, batches of %d, decoder (+) and reference (-) differ:\n%s", block, capacity,
				cmp.Diff(want, got, cmp.AllowUnexported(row{}), cmp.Comparer(func(x, y error) bool { return errors.Is(x, y) })))
		}
	}
	return want
}

func same(a, b outcome) bool {
	if len(a.Rows) != len(b.Rows) || a.Voided != b.Voided || a.Fault != b.Fault {
		return false
	}
	for i := range a.Rows {
		if a.Rows[i] != b.Rows[i] {
			return false
		}
	}
	return true
}

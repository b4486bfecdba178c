package aggtrades

// longestCommon is how many bytes from the beginning of a line decodeCommon may look at; the longest line it takes has
// 121 (TestLongestCommonLine).
const longestCommon = 128

// decodeCommon decodes lines into rows while they have the form that nearly all lines have, and stops at the first that
// has not, near the end of the block, or when rows is full. That line is parseRow's, which knows every form and makes
// the errors; what is accepted here is accepted there, with the same result (FuzzDecode).
//
// The common form is a trade of the period and within the limits, its ids not longer than 16 digits, its price and
// quantity with at most ten digits before the '.' and eight after it, and without exponent.
func (d *Decoder) decodeCommon(rows *Rows) {
	b, n := d.block, rows.N
	start := n
	ids := rows.ID
	prices, quantities := rows.Price[:len(ids)], rows.Quantity[:len(ids)]
	firsts, lasts := rows.FirstTrade[:len(ids)], rows.LastTrade[:len(ids)]
	times, makers := rows.Time[:len(ids)], rows.BuyerMaker[:len(ids)]
	for n < len(ids) && d.pos+longestCommon <= len(b) {
		id, i := scanInt(b, d.pos)
		price, i := scanDecimal(b, i)
		quantity, i := scanDecimal(b, i)
		first, i := scanInt(b, i)
		last, i := scanInt(b, i)
		at, i := scanInt(b, i)
		maker, i := scanBool(b, i)
		if d.opts.Format.Columns == maxColumns {
			i = scanMatch(b, i)
		}
		i = scanEnd(b, i)
		if at < microsecondsFrom {
			at *= 1000
		}
		if i < 0 || price == 0 || price > d.maxPrice || quantity > d.maxQuantity || first > last ||
			at < d.firstTime || at >= d.endTime {
			break
		}
		ids[n], prices[n], quantities[n] = id, price, quantity
		firsts[n], lasts[n], times[n], makers[n] = first, last, at, maker
		n++
		d.pos = i
	}
	d.line += int64(n - start)
	rows.N = n
}

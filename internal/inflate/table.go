package inflate

import "math/bits"

// A table is indexed by the next bits of the input, as many as its main part has. An entry is
//
//	bits 0-5    how many bits it uses up: the code's, and of a length or distance the extra bits that follow it
//	bits 6-7    how many literals it stands for: 1, 2, or 0 for something else
//	bits 8-11   the code's bits alone; of a pointer how many more bits index the subtable
//	bits 13-15  end, pointer, special
//	bits 16-31  the literals, the first lower; the smallest length or distance; of a pointer where the subtable begins
const (
	oneLiteral  = 1 << 6
	twoLiterals = 2 << 6
	anyLiteral  = oneLiteral | twoLiterals
	end         = 1 << 13 // of the block
	pointer     = 1 << 14 // to a subtable, for codes longer than the main part's bits
	special     = 1 << 15 // end, pointer, or with neither of them a code that there is not
)

const (
	maxCode   = 15 // bits
	litBits   = 11
	litSize   = 8192 // 1<<litBits, and for every two of 288 symbols a subtable of 1<<(maxCode-litBits); a power of two
	distBits  = 8
	distSize  = 4096 // likewise for 30 symbols
	orderBits = 7
	orderSize = 1 << orderBits
)

// build fills a table from the lengths of the symbols' codes. entries are the symbols' entries, to which the code's length is added. It reports false for lengths that
// make no code: too many, or too few, which is allowed of a single code of one bit and of no code at all.
func build(table []uint32, mainBits int, lengths []uint8, entries []uint32) bool {
	var count, next [maxCode + 2]int
	longest := 0
	for _, n := range lengths {
		count[n]++
		longest = max(longest, int(n))
	}
	count[0] = 0
	left := 1
	for n := 1; n <= maxCode; n++ {
		if left = left<<1 - count[n]; left < 0 {
			return false
		}
		next[n+1] = (next[n] + count[n]) << 1
	}
	single := longest == 1 && count[1] == 1
	if left > 0 && longest > 0 && !single {
		return false
	}
	fill(table[:1<<mainBits], 0, 1, special)
	free, subBits := 1<<mainBits, longest-mainBits
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		code := int(bits.Reverse16(uint16(next[n])) >> (16 - n)) // the first bit of a code comes lowest
		next[n]++
		e := entries[symbol] + uint32(n) + uint32(n)<<8
		if int(n) <= mainBits {
			fill(table[:1<<mainBits], code, 1<<n, e)
			continue
		}
		at := &table[code&(1<<mainBits-1)]
		if *at&pointer == 0 {
			*at = special | pointer | uint32(subBits)<<8 | uint32(free)<<16
			fill(table[free:free+1<<subBits], 0, 1, special)
			free += 1 << subBits
		}
		from := int(*at >> 16)
		fill(table[from:from+1<<subBits], code>>mainBits, 1<<(int(n)-mainBits), e)
	}
	return true
}

func fill(table []uint32, from, step int, e uint32) {
	for i := from; i < len(table); i += step {
		table[i] = e
	}
}

// pair has entries of one literal stand for two where the bits left tell the second. From the last entry down, because the second literal is found at a smaller
// index, which must not stand for two yet.
func pair(table []uint32) {
	for i := len(table) - 1; i >= 0; i-- {
		e := table[i]
		if e&anyLiteral != oneLiteral {
			continue
		}
		first := e & 63
		second := table[i>>first]
		if used := first + second&63; second&anyLiteral == oneLiteral && 1<<used <= len(table) {
			table[i] = used | twoLiterals | e>>16&0xff<<16 | second>>16&0xff<<24
		}
	}
}

// entriesOf are the entries of all symbols, without the lengths of their codes.
func literalEntries() []uint32 {
	var e []uint32
	for symbol := range uint32(256) {
		e = append(e, oneLiteral|symbol<<16)
	}
	e = append(e, special|end)
	// RFC 1951, 3.2.5: lengths come in groups of four with as many extra bits, but for the first eight and the last.
	length := uint32(3)
	for group := range uint32(28) {
		extra := uint32(0)
		if group >= 8 {
			extra = group/4 - 1
		}
		e = append(e, length<<16+extra)
		length += 1 << extra
	}
	return append(e, 258<<16, special, special)
}

func distanceEntries() []uint32 {
	var e []uint32
	distance := uint32(1)
	for code := range uint32(30) {
		extra := uint32(0)
		if code >= 4 {
			extra = code/2 - 1
		}
		e = append(e, distance<<16+extra)
		distance += 1 << extra
	}
	return append(e, special, special)
}

func orderEntries() []uint32 {
	var e []uint32
	for symbol := range uint32(19) {
		e = append(e, symbol<<16)
	}
	return e
}

package aggtrades

import (
	"encoding/binary"
	"math/bits"
)

// The scanners read one field of the common form (see decodeCommon) at b[i:] and return the position of the next, or a
// negative one for anything else. Given a negative position they return one, so that a line need be checked only once,
// at its end. They look at words of eight bytes: b must go on for longestCommon bytes from where the line began. What
// they do byte by byte is in row.go and decimal.go.

// scanInt reads 1 to 16 digits and a comma.
func scanInt(b []byte, i int) (v int64, next int) {
	v, end := scanDigits(b, i)
	if end < 0 || b[end] != ',' {
		return 0, -1
	}
	return v, end + 1
}

// scanDecimal reads 1 to 10 digits, perhaps a '.' and 1 to 8 digits, and a comma, as a count of 1e-8 units.
func scanDecimal(b []byte, i int) (units int64, next int) {
	whole, end := scanDigits(b, i)
	if end < 0 || end > i+10 {
		return 0, -1
	}
	units = whole * unitsPerOne
	if b[end] == '.' {
		w := loadDigits(b, end+1)
		n := leadingDigits(w)
		if n == 0 {
			return 0, -1
		}
		units += eightDigits(w &^ (^uint64(0) << (8 * n))) // zeros after them fill the word up, which makes it units
		end += 1 + n
	}
	if b[end] != ',' {
		return 0, -1
	}
	return units, end + 1
}

// scanDigits reads 1 to 16 digits and returns the position after them.
func scanDigits(b []byte, i int) (v int64, end int) {
	if i < 0 {
		return 0, -1
	}
	w := loadDigits(b, i)
	n := leadingDigits(w)
	switch {
	case n == 0:
		return 0, -1
	case n < 8:
		return eightDigits(w << (64 - 8*n)), i + n // zeros before them fill the word up
	}
	n = leadingDigits(loadDigits(b, i+8)) // of 8+n digits, the last eight are at i+n
	return eightDigits(w<<(64-8*n))*100_000_000 + eightDigits(loadDigits(b, i+n)), i + 8 + n
}

// loadDigits is the word at b[i:], the first byte lowest. Digits are 0 to 9 in it, all other bytes are more.
func loadDigits(b []byte, i int) uint64 {
	return binary.LittleEndian.Uint64(b[i:]) ^ 0x3030303030303030
}

// leadingDigits is the number of digits that w, from loadDigits, begins with.
func leadingDigits(w uint64) int {
	// Adding 0x76 sets the top bit of bytes above 9. What is carried out of a byte cannot disturb the first such byte,
	// because the ones before it are digits and carry nothing.
	return bits.TrailingZeros64((w+0x7676767676767676|w)&0x8080808080808080) / 8
}

// eightDigits is the number that the digits of w, from loadDigits, make: neighbours are joined to pairs, pairs to fours,
// and those to eight.
func eightDigits(w uint64) int64 {
	w = w*10 + w>>8
	w = (w&0x000000ff000000ff)*(100+1_000_000<<32) + (w>>16&0x000000ff000000ff)*(1+10_000<<32)
	return int64(w >> 32)
}

// scanBool reads true or false; what follows is for the next scanner to judge.
func scanBool(b []byte, i int) (v bool, next int) {
	if i < 0 {
		return false, -1
	}
	switch string(b[i : i+4]) {
	case "true", "True", "TRUE":
		return true, i + 4
	}
	switch string(b[i : i+5]) {
	case "false", "False", "FALSE":
		return false, i + 5
	}
	return false, -1
}

// scanMatch reads a comma and the column that says nothing.
func scanMatch(b []byte, i int) (next int) {
	if i < 0 || b[i] != ',' {
		return -1
	}
	_, next = scanBool(b, i+1)
	return next
}

// scanEnd reads the end of a line.
func scanEnd(b []byte, i int) (next int) {
	if i >= 0 && b[i] == '\r' {
		i++
	}
	if i < 0 || b[i] != '\n' {
		return -1
	}
	return i + 1
}

package inflate

import (
	"encoding/binary"
)

// startBlock reads a block's header (RFC 1951, 3.2.3).
func (r *Reader) startBlock() error {
	if r.last {
		r.phase = ended
		return nil
	}
	if err := r.need(); err != nil {
		return err
	}
	r.last = r.take(1) == 1
	switch r.take(2) {
	case 0:
		return r.startStored()
	case 1:
		return r.useCodes(fixedLengths(), 288)
	case 2:
		return r.readCodes()
	default:
		return ErrCorrupt
	}
}

// startStored reads the length of a block that is not packed, which begins at a byte.
func (r *Reader) startStored() error {
	r.take(r.count % 8)
	r.at -= int(r.count / 8)
	r.bits, r.count = 0, 0
	if err := r.need(); err != nil {
		return err
	}
	n, inverted := r.take(16), r.take(16)
	if n != ^inverted&0xffff {
		return ErrCorrupt
	}
	r.at -= int(r.count / 8)
	r.bits, r.count = 0, 0
	r.stored, r.phase = n, stored
	return nil
}

func (r *Reader) copyStored() error {
	if r.stored == 0 {
		r.phase = header
		return nil
	}
	if err := r.load(); err != nil {
		return err
	}
	if r.at >= r.inEnd {
		return r.tooShort()
	}
	n := copy(r.out[r.done:outSize], r.in[r.at:min(r.at+r.stored, r.inEnd)])
	r.at, r.done, r.stored = r.at+n, r.done+n, r.stored-n
	return nil
}

// fixedLengths are the code lengths of RFC 1951, 3.2.6: 288 of literals and lengths, then 32 of distances.
func fixedLengths() []uint8 {
	lengths := make([]uint8, 288+32)
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		case i < 288:
			lengths[i] = 8
		default:
			lengths[i] = 5
		}
	}
	return lengths
}

// useCodes begins a packed block with the lengths of its codes, of which so many are literals and lengths.
func (r *Reader) useCodes(lengths []uint8, literals int) error {
	if !build(r.literals[:], litBits, lengths[:literals], r.literalEntries) || !build(r.distances[:], distBits, lengths[literals:], r.distanceEntries) {
		return ErrCorrupt
	}
	pair(r.literals[:1<<litBits])
	r.phase = packed
	return nil
}

// readCodes reads the codes of a block that brings its own (RFC 1951, 3.2.7).
func (r *Reader) readCodes() error {
	if err := r.need(); err != nil {
		return err
	}
	literals, distances, orders := r.take(5)+257, r.take(5)+1, r.take(4)+4
	if literals > 286 || distances > 30 {
		return ErrCorrupt
	}
	var order [19]uint8
	for _, symbol := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:orders] {
		if err := r.need(); err != nil {
			return err
		}
		order[symbol] = uint8(r.take(3))
	}
	if !build(r.orders[:], orderBits, order[:], r.orderEntries) {
		return ErrCorrupt
	}
	var lengths [286 + 30]uint8
	if err := r.readLengths(lengths[:literals+distances]); err != nil {
		return err
	}
	return r.useCodes(lengths[:literals+distances], literals)
}

// readLengths reads lengths of codes, which are packed themselves.
func (r *Reader) readLengths(lengths []uint8) error {
	for i := 0; i < len(lengths); {
		if err := r.need(); err != nil {
			return err
		}
		e := r.orders[r.bits&(orderSize-1)]
		if e&special != 0 {
			return ErrCorrupt
		}
		r.take(uint(e & 63))
		var repeated uint8
		n := 1
		switch symbol := e >> 16; symbol {
		case 16:
			if i == 0 {
				return ErrCorrupt
			}
			repeated, n = lengths[i-1], 3+r.take(2)
		case 17:
			n = 3 + r.take(3)
		case 18:
			n = 11 + r.take(7)
		default:
			repeated = uint8(symbol)
		}
		if i+n > len(lengths) {
			return ErrCorrupt
		}
		for range n {
			lengths[i] = repeated
			i++
		}
	}
	return nil
}

// inflate goes on with a packed block until out is full, the input has to be loaded, or the block ends.
//
// A step has 56 bits at least at its beginning and before a match: three looks at the table use up 33 at most, a length 20 and a distance 28. Entries of two
// literals and of one are written alike, as two bytes; the second is overwritten by what comes next.
//
//nolint:funlen,gocognit // split, it would hand a dozen variables around, which have to stay in registers
func (r *Reader) inflate() error {
	if err := r.load(); err != nil {
		return err
	}
	in, out, at, done := r.in, r.out, r.at, r.done
	bits, count := r.bits, r.count
	literals := &r.literals
	limit := max(r.inEnd-inSlack, 0)
	if r.srcErr != nil {
		limit = r.inEnd + 8 // zeros follow; more tells that they were used
	}
	ok := true
	for done < outSize && at <= limit {
		bits |= binary.LittleEndian.Uint64(in[at:]) << (count & 63)
		at += int(63-count) >> 3
		count |= 56
		e := literals[bits&(1<<litBits-1)]
		if e&anyLiteral != 0 {
			binary.LittleEndian.PutUint16(out[done:], uint16(e>>16))
			done += int(e >> 6 & 3)
			bits >>= e & 63
			count -= uint(e & 63)
			if e = literals[bits&(1<<litBits-1)]; e&anyLiteral != 0 {
				binary.LittleEndian.PutUint16(out[done:], uint16(e>>16))
				done += int(e >> 6 & 3)
				bits >>= e & 63
				count -= uint(e & 63)
				if e = literals[bits&(1<<litBits-1)]; e&anyLiteral != 0 {
					binary.LittleEndian.PutUint16(out[done:], uint16(e>>16))
					done += int(e >> 6 & 3)
					bits >>= e & 63
					count -= uint(e & 63)
					continue
				}
			}
			bits |= binary.LittleEndian.Uint64(in[at:]) << (count & 63)
			at += int(63-count) >> 3
			count |= 56
		}
		if e&pointer != 0 {
			e = literals[(e>>16+uint32(bits>>litBits)&(1<<(e>>8&15)-1))&(litSize-1)]
		}
		if e&(anyLiteral|special) != 0 {
			bits >>= e & 63
			count -= uint(e & 63)
			if e&anyLiteral != 0 {
				out[done] = byte(e >> 16)
				done++
				continue
			}
			if ok = e&end != 0; ok {
				r.phase = header
			}
			break
		}
		length := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits >>= e & 63
		count -= uint(e & 63)
		e = r.distances[bits&(1<<distBits-1)]
		if e&pointer != 0 {
			e = r.distances[(e>>16+uint32(bits>>distBits)&(1<<(e>>8&15)-1))&(distSize-1)]
		}
		distance := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits >>= e & 63
		count -= uint(e & 63)
		if ok = e&special == 0 && distance <= done; !ok {
			break
		}
		repeat(out, done, distance, length)
		done += length
	}
	r.at, r.done, r.bits, r.count = at, done, bits, count
	if !ok && !r.overrun() {
		return ErrCorrupt
	}
	return nil
}

// repeat copies to out[at:] what lies distance before it. Up to seven bytes more are written.
func repeat(out []byte, at, distance, length int) {
	to, from := out[at:at+length+8], out[at-distance:]
	if distance < 8 {
		for i := range length {
			to[i] = from[i]
		}
		return
	}
	for i := 0; i < length; i += 8 {
		binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
	}
}

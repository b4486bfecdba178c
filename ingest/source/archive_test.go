package source_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
)

// entry is a member of an archive made byte by byte, so that it can be wrong in any way. What is zero is filled in as an honest tool would.
type entry struct {
	name   string
	text   string // the content
	stored bool

	method     uint16 // instead of 0 or 8
	flags      uint16
	attributes uint32 // external ones
	crc        *uint32
	packed     *uint32 // sizes
	unpacked   *uint32
	localName  string // instead of name in the local header
	local      string // instead of the signature of the local header
	descriptor bool   // crc and sizes follow the data, as streaming tools write it
	zip64      bool   // sizes and offset are in an extra field
	size64     uint64 // instead of the content's size there
}

// archive is how the parts are put together.
type archive struct {
	before  string // precedes everything, unknown to the directory
	comment string
	records *uint16 // instead of the number of members
	zip64   *uint64 // a zip64 end, with this number of members
}

func le16(v int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

func deflate(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func or32(p *uint32, v int) uint32 {
	if p != nil {
		return *p
	}
	return uint32(v)
}

// bytes writes the archive as APPNOTE 4.3 has it.
func (a archive) bytes(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var out, directory []byte
	for _, e := range entries {
		data, method := []byte(e.text), 0
		if !e.stored {
			data, method = deflate(tb, e.text), 8
		}
		if e.method != 0 {
			method = int(e.method)
		}
		crc := crc32.ChecksumIEEE([]byte(e.text))
		if e.crc != nil {
			crc = *e.crc
		}
		packed, unpacked, offset := or32(e.packed, len(data)), or32(e.unpacked, len(e.text)), uint32(len(out))
		var extra []byte
		if e.zip64 {
			extra = bytes.Join([][]byte{le16(1), le16(24), le64(max(e.size64, uint64(unpacked))), le64(uint64(packed)), le64(uint64(offset))}, nil)
			packed, unpacked, offset = 0xffffffff, 0xffffffff, 0xffffffff
		}
		flags := int(e.flags)
		localSums := bytes.Join([][]byte{le32(crc), le32(packed), le32(unpacked)}, nil)
		sums := localSums
		if e.descriptor {
			flags |= 8
			localSums = make([]byte, 12)
		}
		localName, signature := e.name, "PK\x03\x04"
		if e.localName != "" {
			localName = e.localName
		}
		if e.local != "" {
			signature = e.local
		}
		out = append(out, bytes.Join([][]byte{
			[]byte(signature), le16(20), le16(flags), le16(method), le32(0x5ca93000), localSums, le16(len(localName)), le16(0), []byte(localName), data,
		}, nil)...)
		if e.descriptor {
			out = append(append(out, "PK\x07\x08"...), sums...)
		}
		directory = append(directory, bytes.Join([][]byte{
			[]byte("PK\x01\x02"), le16(3<<8 | 30), le16(20), le16(flags), le16(method), le32(0x5ca93000), sums, le16(len(e.name)), le16(len(extra)),
			le16(0), le16(0), le16(1), le32(or32(&e.attributes, 0)), le32(offset), []byte(e.name), extra,
		}, nil)...)
	}
	records := len(entries)
	if a.records != nil {
		records = int(*a.records)
	}
	at, size := uint32(len(out)), uint32(len(directory))
	out = append(out, directory...)
	if a.zip64 != nil {
		end64 := len(out)
		out = append(out, bytes.Join([][]byte{
			[]byte("PK\x06\x06"), le64(44), le16(45), le16(45), le32(0), le32(0), le64(*a.zip64), le64(*a.zip64), le64(uint64(size)), le64(uint64(at)),
			[]byte("PK\x06\x07"), le32(0), le64(uint64(end64 + len(a.before))), le32(1),
		}, nil)...)
		records, at, size = 0xffff, 0xffffffff, 0xffffffff
	}
	out = append(out, bytes.Join([][]byte{
		[]byte("PK\x05\x06"), le16(0), le16(0), le16(records), le16(records), le32(size), le32(at), le16(len(a.comment)), []byte(a.comment),
	}, nil)...)
	return append([]byte(a.before), out...)
}

// rows is a few rows of CSV, different for each n.
func rows(n int) string {
	var b strings.Builder
	b.WriteString("agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n")
	for i := range n {
		b.WriteString("345406727")
		b.WriteByte(byte('0' + i%10))
		b.WriteString(",76988.7,0.037,8089233297,8089233297,1789655280294,false\n")
	}
	return b.String()
}

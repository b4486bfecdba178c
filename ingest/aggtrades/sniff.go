package aggtrades

import (
	"bytes"
	"fmt"
)

// Format is what a file looks like, the same for all its rows.
type Format struct {
	Header  bool // the first line names the columns
	Columns int  // 7, or 8 as in spot files, whose last one says nothing
}

// FirstRow is the number of the line that holds the first row.
func (f Format) FirstRow() int64 {
	if f.Header {
		return 2
	}
	return 1
}

// byteOrderMark begins a UTF-8 file that went through certain editors.
const byteOrderMark = "\xef\xbb\xbf"

// Sniff looks at the first bytes of a file and tells its format and how many bytes precede the first row: a byte order
// mark, a header. head must hold at least the first two lines, or whole must be true and head the whole file.
//
// The first line is a header if it does not begin with a digit or '-'; then it must name the columns in the official
// order, in one of the spellings known. The number of columns is that of the first row, or of the header where there
// is no row. The errors are ErrEmpty, ErrMarkup and ErrArchive, wrapped, and RowErrors for the first two lines.
func Sniff(head []byte, whole bool) (Format, int, error) {
	text := bytes.TrimPrefix(head, []byte(byteOrderMark))
	if len(text) == 0 {
		return Format{}, 0, ErrEmpty
	}
	if err := recognise(text); err != nil {
		return Format{}, 0, err
	}
	line, rest, err := firstLine(text, 1, whole)
	if err != nil {
		return Format{}, 0, err
	}
	offset := len(head) - len(text)
	if isDigit(line[0]) || line[0] == '-' {
		columns, err := countColumns(line, 1)
		if err != nil {
			return Format{}, 0, err
		}
		return Format{Columns: columns}, offset, nil
	}
	f := Format{Header: true}
	if f.Columns, err = parseHeader(line); err != nil {
		return Format{}, 0, err
	}
	offset = len(head) - len(rest)
	if len(rest) == 0 && whole {
		return f, offset, nil
	}
	row, _, err := firstLine(rest, f.FirstRow(), whole)
	if err != nil {
		return Format{}, 0, err
	}
	columns, err := countColumns(row, f.FirstRow())
	if err != nil {
		return Format{}, 0, err
	}
	if columns != f.Columns {
		return Format{}, 0, columnsError(row, f.FirstRow(), fmt.Sprintf("%d as in the header", f.Columns))
	}
	return f, offset, nil
}

// FirstID is the agg_trade_id with which rows begin. It is false where that is not an id.
func FirstID(rows []byte) (id int64, ok bool) {
	field, _, found := bytes.Cut(rows[:min(len(rows), maxIDDigits+1)], []byte{','})
	if !found {
		return 0, false
	}
	return parseInt(field)
}

// firstLine cuts text after its first line, which is number n of the file, and returns the line without its end.
func firstLine(text []byte, n int64, whole bool) (line, rest []byte, err error) {
	line, rest, ended := bytes.Cut(text, []byte{'\n'})
	switch {
	case !ended && whole:
		return nil, nil, &RowError{Line: n, Text: quotable(line), Err: ErrTruncated}
	case !ended:
		return nil, nil, &RowError{Line: n, Text: quotable(line), Err: ErrLineTooLong}
	}
	line = trimCR(line)
	if len(line) == 0 {
		return nil, nil, &RowError{Line: n, Err: ErrEmptyLine}
	}
	return line, rest, nil
}

// trimCR removes the first half of a CRLF.
func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// countColumns is the number of fields of a row: 7 or 8.
func countColumns(row []byte, n int64) (int, error) {
	columns := bytes.Count(row, []byte{','}) + 1
	if columns != minColumns && columns != maxColumns {
		return 0, columnsError(row, n, "7 or 8 separated by commas")
	}
	return columns, nil
}

// columnsError is the error for line n, which has not as many fields as wanted.
func columnsError(line []byte, n int64, want string) *RowError {
	got := bytes.Count(line, []byte{','}) + 1
	return &RowError{Line: n, Text: quotable(line), Want: fmt.Sprintf("%s, got %d", want, got), Err: ErrColumns}
}

// recognise returns an error for what is known not to be CSV: ErrMarkup or ErrArchive, wrapped.
func recognise(text []byte) error {
	if name := archiveKind(text); name != "" {
		return fmt.Errorf("%w: it begins like a %s file", ErrArchive, name)
	}
	page := bytes.TrimLeft(text, " \t\r\n")
	if len(page) == 0 || page[0] != '<' {
		return nil
	}
	// What S3 answers instead of a file is <Error><Code>NoSuchKey</Code>...
	if _, after, ok := bytes.Cut(page, []byte("<Code>")); ok {
		code, _, _ := bytes.Cut(after, []byte("<"))
		return fmt.Errorf("%w: the server's answer was %q", ErrMarkup, quotable(code))
	}
	return fmt.Errorf("%w: it begins %q", ErrMarkup, quotable(page))
}

// archiveKind names the compressed format that b begins with, or is empty.
func archiveKind(b []byte) string {
	for _, magic := range [...]struct{ bytes, name string }{
		{"PK\x03\x04", "zip"},
		{"PK\x05\x06", "zip"}, // without members
		{"\x1f\x8b", "gzip"},
		{"\x28\xb5\x2f\xfd", "zstd"},
		{"\xfd7zXZ\x00", "xz"},
		{"BZh", "bzip2"},
		{"7z\xbc\xaf\x27\x1c", "7-zip"},
	} {
		if bytes.HasPrefix(b, []byte(magic.bytes)) {
			return magic.name
		}
	}
	return ""
}

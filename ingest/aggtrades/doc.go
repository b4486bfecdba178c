// Package aggtrades decodes Binance aggTrades files: bytes in, rows out. It does no I/O.
//
// A file is text with one aggregated trade a line:
//
//	file     = [ BOM ] [ header ] { row }
//	row      = id "," price "," quantity "," first "," last "," time "," maker [ "," match ] [ CR ] LF
//	id       = 1 to 19 digits, at most 9223372036854775807
//	first    = last = id | "-1"
//	price    = quantity = digits [ "." digits ] [ ( "e" | "E" ) [ "+" | "-" ] digits ]
//	time     = 1 to 19 digits: microseconds since the epoch where the number is 1e14 or more, else milliseconds
//	maker    = match = "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
//
// A row is a trade if its price is above zero, its first trade id is zero or more and not above the last one, and its
// time lies in the years 2009 to 2099 and in the file's period. A quantity of zero is no fault: real trades have it.
// Digits beyond the eighth decimal are rounded, half away from zero. A row with price and quantity zero and both trade
// ids -1 was voided by Binance.
//
// Whether a file has a header and whether its rows have seven or eight fields is found by [Sniff]; it is the same for
// all rows of a file. Anything else, be it a space, a quote or an empty line, is a [RowError] that says what was found
// and what was expected: a row is decoded, or it is counted as voided by Binance, or it fails its file.
//
// A file is decoded in blocks of whole lines, by as many [Decoder] as there are goroutines; the [Summary] of each block
// is appended to that of the block before, and what comes out does not depend on how the file was cut.
package aggtrades

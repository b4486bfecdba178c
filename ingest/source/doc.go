// Package source finds, orders, opens and verifies the files that Binance publishes and people recompress.
//
// [Find] walks a data dir of any layout and opens nothing. [Choose] settles which of several copies of a file is read. [Open] gives
// the CSV text of one file in a single pass over its bytes, and comes to the end only if all that can be verified is as it should be: size,
// CRC-32, .CHECKSUM, and that nobody changed the file meanwhile. [Blocks] cuts the text into blocks of whole lines.
package source

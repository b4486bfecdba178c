// Package inflate reads DEFLATE data (RFC 1951) fast. It is made for what this project inflates: long texts of digits, whose time goes into literals. A look
// into the table yields up to two of them, bits are loaded a word at a time, and copies are made in words.
//
// It takes what compress/flate takes and gives the same bytes (FuzzReader compares them).
package inflate

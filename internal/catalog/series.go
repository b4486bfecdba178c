package catalog

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Market is one of Binance's markets. Each has its own trade ids for the same symbol.
type Market string

// The markets that publish aggTrades files.
const (
	Spot Market = "spot"
	UM   Market = "um" // USD-M futures
	CM   Market = "cm" // COIN-M futures
)

// ParseMarket reads "spot", "um" or "cm"; anything else is an error that lists the three.
func ParseMarket(s string) (Market, error) {
	switch m := Market(s); m {
	case Spot, UM, CM:
		return m, nil
	default:
		return "", fmt.Errorf("market %q: expected spot, um or cm", s)
	}
}

// Choices are the names of the markets, as flags take them.
func (Market) Choices() []string { return []string{string(Spot), string(UM), string(CM)} }

// UnmarshalText lets flags and JSON hold a Market; see [ParseMarket].
func (m *Market) UnmarshalText(text []byte) error {
	parsed, err := ParseMarket(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// maxSymbolBytes bounds a symbol. The longest known is 20 bytes; a file name holds 255.
const maxSymbolBytes = 64

// CheckSymbol reports whether s is usable as a symbol: one safe path element of letters of any script
// (there are Chinese ones), digits and '_', at most 64 bytes. The error says what is wrong with it.
func CheckSymbol(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("symbol %q: is empty", s)
	case len(s) > maxSymbolBytes:
		return fmt.Errorf("symbol %q: longer than %d bytes", s[:maxSymbolBytes], maxSymbolBytes)
	case !utf8.ValidString(s):
		return fmt.Errorf("symbol %q: not valid UTF-8", s)
	}
	for _, r := range s {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return fmt.Errorf("symbol %q: character %q, expected letters, digits and '_'", s, r)
		}
	}
	return nil
}

// Series is what trade ids count in: one symbol of one market.
type Series struct {
	Market Market `json:"market"`
	Symbol string `json:"symbol"`
}

// String is "um BTCUSDT".
func (s Series) String() string { return string(s.Market) + " " + s.Symbol }

// Compare orders series by market, then symbol.
func (s Series) Compare(o Series) int {
	return cmp.Or(strings.Compare(string(s.Market), string(o.Market)), strings.Compare(s.Symbol, o.Symbol))
}

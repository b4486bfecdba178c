package nagios

import (
	"regexp"
	"strings"
)

// commands are the programs that remedies name.
const commands = `\(cd|cat|chmod|check_ingest_[a-z]+|curl|duckdb|findmnt|ingest-aggtrades|journalctl|kill|ls|mkdir|mount|ps|setfacl|systemctl|umount`

// endsInCommand matches a remedy whose end, after a colon, is to be pasted.
var endsInCommand = regexp.MustCompile(`: (` + commands + `) `)

// Advice is a remedy as errors carry it, in lower case and without a full stop, as a problem carries it: a sentence of its own. One
// that ends in a command gets no full stop, so that it can be pasted.
func Advice(remedy string) string {
	if remedy == "" {
		return ""
	}
	s := strings.ToUpper(remedy[:1]) + remedy[1:]
	if endsInCommand.MatchString(s) {
		return s
	}
	return s + "."
}

package nagios

import (
	"fmt"
	"strings"
)

// Status is the state of a service. The zero value is Unknown, so that a verdict nobody gave is never OK.
type Status uint8

// The states of the guidelines. Their severity, not their exit code, orders them: OK < Warning < Unknown < Critical.
const (
	Unknown Status = iota
	OK
	Warning
	Critical
)

// ParseStatus reads a state's name in any case; anything else is an error that lists the four.
func ParseStatus(s string) (Status, error) {
	for _, st := range []Status{OK, Warning, Critical, Unknown} {
		if strings.EqualFold(s, st.String()) {
			return st, nil
		}
	}
	return Unknown, fmt.Errorf("state %q: expected ok, warning, critical or unknown", s)
}

// String is the name that plugin output carries: "OK", "WARNING", "CRITICAL", "UNKNOWN".
func (s Status) String() string {
	switch s {
	case OK:
		return "OK"
	case Warning:
		return "WARNING"
	case Critical:
		return "CRITICAL"
	default:
		return "UNKNOWN"
	}
}

// ExitCode is what the guidelines map the state to: 0, 1, 2, 3.
func (s Status) ExitCode() int {
	switch s {
	case OK:
		return 0
	case Warning:
		return 1
	case Critical:
		return 2
	default:
		return 3
	}
}

// severity ranks states; a value that is no state ranks as Unknown.
func (s Status) severity() int {
	switch s {
	case OK:
		return 0
	case Warning:
		return 1
	case Critical:
		return 3
	default:
		return 2
	}
}

// Worst is the most severe of the states, and Unknown if there is none: nothing checked is not OK.
func Worst(states ...Status) Status {
	if len(states) == 0 {
		return Unknown
	}
	worst := OK
	for _, s := range states {
		if s.severity() > worst.severity() {
			worst = s
		}
	}
	return worst
}

// MarshalText writes the state as String does.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Choices are the names that flags take.
func (Status) Choices() []string { return []string{"ok", "warning", "critical", "unknown"} }

// UnmarshalText lets flags and JSON hold a Status; see [ParseStatus].
func (s *Status) UnmarshalText(text []byte) error {
	parsed, err := ParseStatus(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

package nagiostest

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// Icinga2 is a model of how Icinga 2 reads plugin output: ParseCheckOutput and SplitPerfdata of lib/icinga/pluginutility.cpp and
// PerfdataValue::Parse of lib/base/perfdatavalue.cpp, at the commit that the vectors name. The vectors of Icinga's own tests keep the model
// honest.
type Icinga2 struct {
	units map[string]icinga2Unit
}

// Icinga2Metric is one metric as Icinga 2 keeps it, in its base unit. What it drops, such as a threshold that is a range, is nil.
type Icinga2Metric struct {
	Label                string
	Value                float64
	Unit                 string
	Counter              bool
	Warn, Crit, Min, Max *float64
}

type icinga2Unit struct {
	UOM     string
	Factor  float64
	Unit    string
	Counter bool
}

// NewIcinga2 reads the table of units from the vectors; without it the test is skipped.
func NewIcinga2(tb testing.TB) Icinga2 {
	tb.Helper()
	var table struct{ Vectors []icinga2Unit }
	Vectors(tb, "icinga2_uom_table.json", &table)
	m := Icinga2{units: map[string]icinga2Unit{}}
	for _, u := range table.Vectors {
		m.units[u.UOM] = u
	}
	return m
}

// Read gives the text of plugin output and its metrics, or an error if Icinga 2 would drop one of them.
func (m Icinga2) Read(output string) (text string, metrics []Icinga2Metric, err error) {
	text, perfdata := m.Cut(output)
	for _, item := range m.Split(perfdata) {
		metric, err := m.Parse(item)
		if err != nil {
			return text, metrics, fmt.Errorf("parse %q: %w", item, err)
		}
		metrics = append(metrics, metric)
	}
	return text, metrics, nil
}

// Cut divides plugin output into text and performance data, which every line with a '|' and a later '=' gives.
func (Icinga2) Cut(output string) (text, perfdata string) {
	var texts, perfs []string
	for _, line := range strings.FieldsFunc(output, func(r rune) bool { return r == '\r' || r == '\n' }) {
		before, after, found := strings.Cut(line, "|")
		if found && strings.Contains(after, "=") {
			if before != "" {
				texts = append(texts, before)
			}
			perfs = append(perfs, after)
			continue
		}
		texts = append(texts, line)
	}
	return strings.Join(texts, "\n"), strings.Join(perfs, " ")
}

// Split divides performance data into items of one metric each.
func (Icinga2) Split(perfdata string) []string {
	var items []string
	prefix, begin := "", 0
	for begin <= len(perfdata) {
		eq := strings.IndexByte(perfdata[begin:], '=')
		if eq < 0 {
			break
		}
		eq += begin
		label := unquote(strings.TrimLeft(perfdata[begin:eq], " \n\t\r"))
		multi := strings.LastIndex(label, "::")
		if multi >= 0 {
			prefix = ""
		}
		end := strings.IndexByte(perfdata[eq:], ' ')
		if end < 0 {
			end = len(perfdata)
		} else {
			end += eq
		}
		if prefix != "" {
			label = prefix + "::" + label
		}
		item := label + "=" + perfdata[eq+1:end]
		if strings.Contains(label, " ") {
			item = "'" + label + "'=" + perfdata[eq+1:end]
		}
		items = append(items, item)
		if multi >= 0 {
			prefix = label[:multi]
		}
		begin = end + 1
	}
	return items
}

func unquote(label string) string {
	if len(label) > 2 && label[0] == '\'' && label[len(label)-1] == '\'' {
		return label[1 : len(label)-1]
	}
	return label
}

// Parse reads one item. An error means that Icinga 2 drops the metric.
func (m Icinga2) Parse(item string) (Icinga2Metric, error) {
	eq := strings.LastIndexByte(item, '=')
	if eq < 0 {
		return Icinga2Metric{}, errors.New("no =")
	}
	metric := Icinga2Metric{Label: unquote(item[:eq])}
	text, _, _ := strings.Cut(item[eq+1:], " ")
	if strings.Contains(text, ",") {
		return Icinga2Metric{}, errors.New("a comma")
	}
	fields := strings.Split(text, ";")
	pos := strings.LastIndexAny(fields[0], "0123456789.") + 1
	value, err := strconv.ParseFloat(fields[0][:pos], 64)
	if err != nil || math.IsInf(value, 0) || strings.Contains(fields[0][:pos], "_") {
		return Icinga2Metric{}, errors.New("no number")
	}
	factor := 1.0
	if u, ok := m.units[fields[0][pos:]]; ok {
		factor, metric.Unit, metric.Counter = u.Factor, u.Unit, u.Counter
	}
	metric.Value = value * factor
	for i, field := range []**float64{&metric.Warn, &metric.Crit, &metric.Min, &metric.Max} {
		if i+1 >= len(fields) || fields[i+1] == "" || strings.Trim(fields[i+1], "+-0123456789.eE") != "" {
			continue
		}
		f, err := strconv.ParseFloat(fields[i+1], 64)
		if err != nil {
			return Icinga2Metric{}, err
		}
		f *= factor
		*field = &f
	}
	return metric, nil
}

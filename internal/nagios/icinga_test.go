package nagios

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
)

// This file is a model of how Icinga 2 reads performance data: SplitPerfdata of lib/icinga/pluginutility.cpp and
// PerfdataValue::Parse of lib/base/perfdatavalue.cpp, at the commit that the vectors name. The vectors of Icinga's
// own tests keep the model honest, and the model keeps our output readable.

// icingaMetric is one metric as Icinga 2 keeps it, in its base unit; what it drops is nil.
type icingaMetric struct {
	label                string
	value                float64
	unit                 string
	counter              bool
	warn, crit, min, max *float64
}

type icingaUnit struct {
	UOM     string
	Factor  float64
	Unit    string
	Counter bool
}

func icingaUnits(tb testing.TB) map[string]icingaUnit {
	tb.Helper()
	var table struct{ Vectors []icingaUnit }
	vectors(tb, "icinga2_uom_table.json", &table)
	units := map[string]icingaUnit{}
	for _, u := range table.Vectors {
		units[u.UOM] = u
	}
	return units
}

func icingaSplit(perfdata string) []string {
	var items []string
	prefix, begin := "", 0
	for begin <= len(perfdata) {
		eq := strings.IndexByte(perfdata[begin:], '=')
		if eq < 0 {
			break
		}
		eq += begin
		label := strings.TrimLeft(perfdata[begin:eq], " \n\t\r")
		if len(label) > 2 && label[0] == '\'' && label[len(label)-1] == '\'' {
			label = label[1 : len(label)-1]
		}
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

func icingaParse(item string, units map[string]icingaUnit) (icingaMetric, error) {
	eq := strings.LastIndexByte(item, '=')
	if eq < 0 {
		return icingaMetric{}, errors.New("no =")
	}
	m := icingaMetric{label: item[:eq]}
	if len(m.label) > 2 && m.label[0] == '\'' && m.label[len(m.label)-1] == '\'' {
		m.label = m.label[1 : len(m.label)-1]
	}
	text, _, _ := strings.Cut(item[eq+1:], " ")
	if strings.Contains(text, ",") {
		return icingaMetric{}, errors.New("comma")
	}
	fields := strings.Split(text, ";")
	pos := strings.LastIndexAny(fields[0], "0123456789.") + 1
	value, err := strconv.ParseFloat(fields[0][:pos], 64)
	if err != nil || math.IsInf(value, 0) || strings.Contains(fields[0][:pos], "_") {
		return icingaMetric{}, errors.New("value")
	}
	factor := 1.0
	if u, ok := units[fields[0][pos:]]; ok {
		factor, m.unit, m.counter = u.Factor, u.Unit, u.Counter
	}
	m.value = value * factor
	for i, field := range []**float64{&m.warn, &m.crit, &m.min, &m.max} {
		if i+1 >= len(fields) || fields[i+1] == "" || strings.Trim(fields[i+1], "+-0123456789.eE") != "" {
			continue
		}
		f, err := strconv.ParseFloat(fields[i+1], 64)
		if err != nil {
			return icingaMetric{}, err
		}
		f *= factor
		*field = &f
	}
	return m, nil
}

func TestIcingaModelReproducesItsTests(t *testing.T) {
	t.Parallel()
	units := icingaUnits(t)
	type metric struct {
		Label   string
		Value   *float64
		Unit    *string
		Counter *bool
	}
	var parse struct {
		Count   int
		Vectors []struct {
			Input   string
			Valid   bool
			Metrics []metric
		}
	}
	vectors(t, "perfdata_parse_icinga2.json", &parse)
	known := 0
	for _, v := range parse.Vectors {
		m, err := icingaParse(v.Input, units)
		if (err == nil) != v.Valid {
			t.Errorf("%q: error %v, want valid %v", v.Input, err, v.Valid)
			continue
		}
		if err != nil || len(v.Metrics) == 0 || v.Metrics[0].Value == nil {
			continue
		}
		want := v.Metrics[0]
		if want.Unit != nil && *want.Unit != m.unit {
			continue // electrical, mass and volume units are not in the table
		}
		known++
		if m.label != want.Label || math.Abs(m.value-*want.Value) > 1e-9*math.Abs(m.value) {
			t.Errorf("%q: %+v, want %s %v", v.Input, m, want.Label, *want.Value)
		}
	}
	if known < 15 {
		t.Errorf("only %d vectors were compared", known)
	}
	var split struct {
		Vectors []struct {
			Input string
			Count *int
			Items []string
		}
	}
	vectors(t, "perfdata_split_icinga2.json", &split)
	for _, v := range split.Vectors {
		items := icingaSplit(v.Input)
		if v.Count != nil && len(items) != *v.Count {
			t.Errorf("%q splits into %q, want %d", v.Input, items, *v.Count)
		}
		if v.Items != nil && strings.Join(items, " ") != strings.Join(v.Items, " ") {
			t.Errorf("%q splits into %q, want %q", v.Input, items, v.Items)
		}
	}
}

// outputOf cuts plugin output as Icinga 2 does (ParseCheckOutput): every line with a '|' and a later '=' gives
// performance data.
func icingaOutput(output string) (text, perfdata string) {
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

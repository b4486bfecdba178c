package nagios

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// family is a metric family of Prometheus: a name, what it is, and its samples.
type family struct {
	name, help string
	samples    []string
}

// families are in the order in which they were first added to.
type families struct {
	order  []string
	byName map[string]*family
}

func (f *families) add(name, help string, value float64, labels ...string) {
	if !finite(value) {
		return
	}
	if f.byName == nil {
		f.byName = map[string]*family{}
	}
	fam := f.byName[name]
	if fam == nil {
		fam = &family{name: name, help: help}
		f.byName[name] = fam
		f.order = append(f.order, name)
	}
	// Two samples with the same labels would make the whole text invalid; two file systems may have the same problem.
	series := name + promLabels(labels) + " "
	if !slices.ContainsFunc(fam.samples, func(s string) bool { return strings.HasPrefix(s, series) }) {
		fam.samples = append(fam.samples, series+strconv.FormatFloat(value, 'g', -1, 64))
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Prometheus renders the report in Prometheus' text exposition format, every family a gauge:
//
//	check_ingest_state{check="disk"}               0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN
//	check_ingest_duration_seconds{check="disk"}    what the check took
//	check_ingest_problem{check,state,text,remedy}  1 for each of the three worst problems
//	check_ingest_disk_free_bytes                   a metric; that of one of several things has its name as a label
//	check_ingest_db_series_age_seconds{market,symbol}  a number of a [Detail]
//
// Names end in their base unit, as Prometheus has it: _seconds, _bytes, and _ratio, from 0 to 1, for percent. What was not measured has no sample.
func (rep Report) Prometheus() []byte {
	check := strings.ToLower(rep.Name[strings.LastIndexByte(rep.Name, ' ')+1:])
	prefix := "check_" + strings.ReplaceAll(strings.ToLower(rep.Name), " ", "_") + "_"
	var f families
	f.add("check_ingest_state", "State of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.", float64(rep.State.ExitCode()), "check", check)
	f.add("check_ingest_duration_seconds", "What the check took.", rep.Seconds, "check", check)
	problems := rep.Problems
	if len(problems) == 0 && rep.State != OK {
		problems = []Problem{{State: rep.State, Text: rep.Summary}}
	}
	for _, p := range problems[:min(len(problems), maxSentences)] {
		f.add("check_ingest_problem", "A problem that the check has found, and what to do about it.", 1,
			"check", check, "state", p.State.String(), "text", p.Text, "remedy", p.Remedy)
	}
	for _, m := range rep.Metrics {
		label, labels := m.Spec.Label, []string(nil)
		if of := m.Spec.Of; of != "" {
			label, labels = of, []string{"name", strings.TrimPrefix(m.Spec.Label, of+"_")}
		}
		name, factor := promName(prefix+label, m.Spec.Unit)
		f.add(name, m.Spec.Help, m.Metric.Value*factor, labels...)
	}
	for _, d := range rep.Details {
		var labels []string
		for _, n := range d.Names {
			labels = append(labels, n.Key, n.Value)
		}
		for _, v := range d.Values {
			name, factor := promName(prefix+d.Kind+"_"+v.Label, v.Unit)
			f.add(name, v.Help, v.Value*factor, labels...)
		}
	}
	return f.render()
}

func (f *families) render() []byte {
	var b strings.Builder
	for _, name := range f.order {
		fam := f.byName[name]
		help := strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(fam.help)
		b.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " gauge\n")
		for _, s := range fam.samples {
			b.WriteString(s + "\n")
		}
	}
	return []byte(b.String())
}

// promName is the name of a metric with its base unit at its end, and what its value is multiplied by to be in it. A gauge
// must not end in _total, which is for counters.
func promName(name string, u Unit) (string, float64) {
	name = strings.TrimSuffix(name, "_total")
	suffix, factor := "", 1.0
	switch u {
	case Seconds:
		suffix = "_seconds"
	case Bytes:
		suffix = "_bytes"
	case Percent:
		suffix, factor = "_ratio", 0.01
		name = strings.TrimSuffix(name, "_pct")
		if done, ok := strings.CutSuffix(name, "_percent"); ok {
			name = done + "_done"
		}
	case None, Counter:
	}
	return strings.TrimSuffix(name, suffix) + suffix, factor
}

// promRune replaces what cannot be printed; a line break is escaped later.
func promRune(r rune) rune {
	if r == '\n' || unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// promLabels writes pairs of names and values: {market="um",symbol="BTCUSDT"}. Empty values are left out, which to Prometheus is the same. A value may hold
// anything but what does something to the terminal of who looks at the text.
func promLabels(pairs []string) string {
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := cut(strings.Map(promRune, strings.ToValidUTF8(pairs[i+1], "?")), maxText); value != "" {
			parts = append(parts, pairs[i]+`="`+escape.Replace(value)+`"`)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}

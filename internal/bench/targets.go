package main

import (
	"fmt"
	"strings"
)

// measured are the results by the names of their groups.
type measured map[string]result

func (m measured) at(group string, contestant int) sample { return m[group].medians[contestant] }

// times is how many times as long the second contestant took as the first.
func (m measured) times(group string, slow, fast int) float64 {
	return m.at(group, slow).wall / m.at(group, fast).wall
}

// database is the size of the first contestant's database as a part of another's.
func (m measured) database(group string, other int) float64 {
	return float64(m.at(group, 0).database) / float64(m.at(group, other).database)
}

// rate is rows a second of the first contestant.
func (m measured) rate(group string) float64 { return float64(m[group].rows) / m.at(group, 0).wall }

// target is something that the loader or a check should reach.
type target struct {
	text   string
	groups []string // that have to be measured for it
	atMost bool     // else at least
	limit  float64
	unit   string
	value  func(m measured) float64
}

// met reports the value and whether it is good enough.
func (t target) met(m measured) (value float64, ok bool) {
	value = t.value(m)
	if t.atMost {
		return value, value <= t.limit
	}
	return value, value >= t.limit
}

// targets are all of them, in the order of the table.
func targets() []target {
	memory := func(group string, contestant int) func(measured) float64 {
		return func(m measured) float64 { return float64(m.at(group, contestant).memory) / 1e6 }
	}
	wall := func(group string, contestant int) func(measured) float64 {
		return func(m measured) float64 { return m.at(group, contestant).wall * 1e3 }
	}
	return []target{
		{"CSV: times as fast as the scripts' SQL", []string{"csv"}, false, 10, "", func(m measured) float64 { return m.times("csv", 1, 0) }},
		{"CSV: times as fast as the best plain SQL", []string{"csv"}, false, 1.8, "", func(m measured) float64 { return m.times("csv", 2, 0) }},
		{"ZIP: time of `unzip -p` alone", []string{"zip"}, true, 1, "", func(m measured) float64 { return m.times("zip", 0, 1) }},
		{"database: part of the best plain SQL's", []string{"csv"}, true, 0.65, "", func(m measured) float64 { return m.database("csv", 2) }},
		{"database: part of the scripts'", []string{"csv"}, true, 0.1, "", func(m measured) float64 { return m.database("csv", 1) }},
		{"memory: one monthly CSV", []string{"month"}, true, 400, " MB", memory("month", 0)},
		{"memory: one monthly zip", []string{"month"}, true, 400, " MB", memory("month", 1)},
		{"memory: small files", []string{"small"}, true, 400, " MB", memory("small", 0)},
		{"memory: small zips", []string{"small"}, true, 400, " MB", memory("small", 1)},
		{"flat: time of the last tenth of the files by that of the first", []string{"flat"}, true, 1.1, "", func(m measured) float64 { return m["flat"].figure }},
		{"overlap of a tenth: part of what an overlap of all costs more", []string{"overlap"}, true, 0.25, "", func(m measured) float64 {
			return (m.at("overlap", 1).wall - m.at("overlap", 0).wall) / (m.at("overlap", 2).wall - m.at("overlap", 0).wall)
		}},
		{"small files: part of the large files' rows/s", []string{"small", "csv"}, false, 1. / 3, "", func(m measured) float64 { return m.rate("small") / m.rate("csv") }},
		{"nothing to do", []string{"nothing"}, true, 100, " ms", wall("nothing", 0)},
		{"table of the scripts: time of their own SQL", []string{"legacy"}, true, 1, "", func(m measured) float64 { return m.times("legacy", 0, 1) }},
		{"`check_ingest_csv --full`: part of the decoder's own speed", []string{"full"}, false, 0.8, "", func(m measured) float64 { return m.times("full", 1, 0) }},
		{"`check_ingest_db`", []string{"checks"}, true, 60, " ms", wall("checks", 4)},
		{"`check_ingest_log`", []string{"checks"}, true, 60, " ms", wall("checks", 5)},
	}
}

// targetTable is a line for each target that can be told from what was measured.
func targetTable(m measured) string {
	var b strings.Builder
	b.WriteString("\n### Targets\n\n| target | limit | measured | |\n|---|---|---|---|\n")
	for _, t := range targets() {
		complete := true
		for _, g := range t.groups {
			_, known := m[g]
			complete = complete && known
		}
		if !complete {
			continue
		}
		bound := map[bool]string{true: "at most", false: "at least"}[t.atMost]
		value, ok := t.met(m)
		verdict := map[bool]string{true: "met", false: "**not met**"}[ok]
		fmt.Fprintf(&b, "| %s | %s %.3g%s | %.3g%s | %s |\n", t.text, bound, t.limit, t.unit, value, t.unit, verdict)
	}
	return b.String()
}

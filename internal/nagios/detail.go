package nagios

// Detail is one of the things that a check looked at, such as a symbol or a file system, with numbers of its own. Details are for machines,
// which discover what there is by them: JSON lists them by kind, and Prometheus gets a sample of each number. They have no state.
type Detail struct {
	Kind   string // what it is, in the plural: "series"
	Names  []DetailName
	Values []DetailValue
}

// DetailName is a part of a detail's identity: market um.
type DetailName struct{ Key, Value string }

// DetailValue is a number of a detail. What is not known has none.
type DetailValue struct {
	Label string // like that of a metric: [a-z][a-z0-9_]*
	Unit  Unit
	Help  string
	Value float64
}

// fields are the names and values of a detail as JSON has them.
func (d Detail) fields() map[string]any {
	fields := map[string]any{}
	for _, n := range d.Names {
		fields[n.Key] = cut(n.Value, maxPath)
	}
	for _, v := range d.Values {
		if finite(v.Value) {
			fields[v.Label] = v.Value
		}
	}
	return fields
}

// detailsByKind are the details as JSON has them; nil where there are none.
func detailsByKind(details []Detail) map[string][]map[string]any {
	var byKind map[string][]map[string]any
	for _, d := range details {
		if byKind == nil {
			byKind = map[string][]map[string]any{}
		}
		byKind[d.Kind] = append(byKind[d.Kind], d.fields())
	}
	return byKind
}

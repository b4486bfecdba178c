package manual

import (
	"strings"

	"github.com/alecthomas/kong"
)

// Flags are the visible flags under the headings of their groups, both in the order of the grammar.
func Flags(all []*kong.Flag) []Group {
	var groups []Group
	index := map[string]int{}
	for _, f := range all {
		if f.Hidden {
			continue
		}
		title := "Flags"
		if f.Group != nil {
			title = strings.TrimSuffix(f.Group.Title, ":")
		}
		i, known := index[title]
		if !known {
			i = len(groups)
			index[title] = i
			groups = append(groups, Group{Title: title})
		}
		groups[i].Items = append(groups[i].Items, flagItem(f))
	}
	return groups
}

func flagItem(f *kong.Flag) Item {
	i := Item{Term: "    --" + f.Name, Text: f.Help}
	if f.Short != 0 {
		i.Term = "-" + string(f.Short) + ", --" + f.Name
	}
	if !f.IsBool() && !f.IsCounter() {
		i.Arg = "=" + f.FormatPlaceHolder()
		if f.HasDefault && f.Default != "" {
			i.Text += " Default: " + f.Default + "."
		}
	}
	if f.Required {
		i.Text += " Required."
	}
	return i
}

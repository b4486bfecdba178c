package manual

// Page is all that is said of a program or of one of its sub-commands. [Page.Help] and [Roff] show the same page.
type Page struct {
	Name  string // "check_ingest_lock", "ingest-aggtrades migrate"
	Usage string // what follows the name: "[flags]"
	Text

	Commands []Item  // sub-commands
	Flags    []Group // in the order of the grammar
	Notes    []Group // what else there is to list, such as metrics
	Settings string  // how flags can be set without the command line
	Files    []Item
	Env      []Item
}

// Group is items under a heading.
type Group struct {
	Title  string // "Metrics"
	Intro  string // a sentence before the items, or ""
	Items  []Item
	Column int    // where texts begin in the help; 0 = two columns after the longest term
	Outro  string // a paragraph after the items, or ""
}

// Item is one thing with its explanation.
type Item struct {
	Term string // "-w, --warning"
	Arg  string // what is appended to it and is not literal, with what separates them: "=RANGE"
	Text string
}

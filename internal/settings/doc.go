// Package settings lets every flag of every binary come from the environment or from one YAML file that all six
// binaries share. A flag on the command line beats the environment, which beats the file, which beats the default.
//
// # Environment
//
// The variable of a flag is CHECK_INGEST_ and the flag's name in capitals, '-' turned into '_': --data-dir is
// CHECK_INGEST_DATA_DIR. An empty variable counts as not set. A flag that may be repeated takes a list separated by
// commas.
//
// # File
//
// --config=FILE (or CHECK_INGEST_CONFIG) names the file. Without it /etc/check-ingest/config.yaml is read, then
// $XDG_CONFIG_HOME/check-ingest/config.yaml (~/.config if that is not set), whose keys beat the former's; either may be
// missing. Keys are the names of flags. What stands in a section that bears a binary's name is for that binary alone and beats
// what stands outside:
//
//	db: /data/trades.duckdb
//	data-dir: /data/downloads
//	symbol: [BTCUSDT, ETHUSDT]
//	check_ingest_disk:
//	  critical: ["free=200GB:", "inodes_free_pct=5:"]
//	ingest-aggtrades:
//	  threads: 2
//
// A key outside sections must be a flag of at least one binary, a key in a section a flag of that one; anything else is an
// error that names file, line, key and the key that was probably meant. A file is at most 1 MiB, a regular file (links to one
// are followed), and not one that anybody may write.
//
// # Use
//
//	s := settings.New(settings.Source{App: "ingest-aggtrades", LookupEnv: os.LookupEnv})
//	parser, err := kong.New(&grammar, s.Option())
//
// where the grammar embeds [Flag]. Settings are read while the command line is parsed, so that --help works whatever the
// file holds. Flags must not have an "env" tag of their own: kong reads those from the process, and lets a resolver beat them.
package settings

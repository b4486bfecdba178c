// Package cli is the command line of ingest-aggtrades: its flags, its help, and how it shows what it does.
package cli

package diskcheck

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/shell"
)

// evaluate judges what was observed. It is pure.
func evaluate(o observation, now time.Time) nagios.Result {
	var r nagios.Result
	var parts []string
	for _, v := range o.volumes {
		if p, bad := v.problem(); bad {
			r.Problems = append(r.Problems, p)
		}
		if v.measured && v.size > 0 {
			r.Metrics = append(r.Metrics, v.metrics()...)
			r.Details = append(r.Details, v.detail())
			parts = append(parts, fmt.Sprintf("%s free on %s", nagios.Human(v.free, nagios.Bytes), v.name()))
		}
		if v.missing != "" {
			r.Lines = append(r.Lines, fmt.Sprintf("%s does not exist yet; the file system of the folder above was looked at", v.target.path))
		}
	}
	if o.pending != nil {
		judgePending(&r, *o.pending, o.volumes[0], now)
		if o.pending.known {
			parts = append(parts, o.pending.sentence())
		}
	}
	r.Summary = strings.Join(parts, ", ")
	return r
}

// name is how texts call the volume: "/data (ext4)" or, where its mount is not known, the path that was given.
func (v volume) name() string {
	if v.mount == (mount{}) {
		return v.target.path
	}
	return v.mount.String()
}

// problem is what is wrong with a volume beyond its numbers.
func (v volume) problem() (nagios.Problem, bool) {
	p := nagios.Problem{State: nagios.Unknown, Path: v.target.path}
	switch {
	case !v.measured && v.err == nil:
		p.Text = fmt.Sprintf("the file system of %s does not answer", v.target.path)
		p.Remedy = "Look at the server if it is a network mount; umount -l frees what hangs on it."
	case errors.Is(v.err, fs.ErrNotExist):
		p.State = nagios.Critical
		p.Text = v.target.path + " does not exist"
		p.Remedy = "Mount or create it, or correct --path."
	case v.err != nil:
		p.Text = fmt.Sprintf("cannot look at %s: %v", v.target.path, cause(v.err))
		p.Remedy = "Correct --path."
		switch {
		case errors.Is(v.err, fs.ErrPermission):
			p.Remedy = "Let the check's user search the folders above it."
		case v.target.db:
			p.Remedy = "Correct --db."
		}
	case v.size == 0:
		p.Text = fmt.Sprintf("%s is on %s, which tells no size", v.target.path, v.name())
		p.Remedy = "Name a path on a file system that stores data."
	case v.readOnly:
		p.State = nagios.Critical
		p.Text = v.name() + " is mounted read-only"
		p.Remedy = "Look for I/O errors (dmesg), after which the kernel mounts so, then: mount -o remount,rw " + shell.Quote(v.mount.point)
	default:
		return nagios.Problem{}, false
	}
	return p, true
}

// cause is an error of the system without the operation and the path, which the sentence around it has.
func cause(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// metrics are the numbers of a volume.
func (v volume) metrics() []nagios.Metric {
	metric := func(label string, value, highest float64, phrase string) nagios.Metric {
		return nagios.Metric{
			Label: label + v.target.suffix, Value: value, Max: highest, Path: v.target.path,
			Phrase: "{} " + phrase + " on " + v.name(), Remedy: "Free space there, or move what grows to another file system.",
		}
	}
	ms := []nagios.Metric{
		metric(labelFree, v.free, v.size, "free"),
		metric(labelUsed, v.used, v.size, "used"),
		metric(labelSize, v.size, 0, "in all"),
	}
	if total := v.used + v.free; total > 0 {
		ms = append(ms, metric(labelFreePct, 100*v.free/total, 0, "free"))
	}
	if v.inodes > 0 {
		ms = append(ms, metric(labelInodes, 100*v.inodesUnused/v.inodes, 0, "of inodes free"))
	}
	return ms
}

// detail is the volume for machines: what its metrics tell, under names that do not depend on how many volumes there are.
func (v volume) detail() nagios.Detail {
	d := nagios.Detail{Kind: "volumes", Names: []nagios.DetailName{
		{Key: "path", Value: v.target.path},
		{Key: "mount", Value: v.mount.point},
		{Key: "type", Value: v.mount.fsType},
	}}
	bare := v
	bare.target.suffix = ""
	for _, m := range bare.metrics() {
		for _, s := range volumeSpecs() {
			if s.Label == m.Label {
				d.Values = append(d.Values, nagios.DetailValue{Label: m.Label, Unit: s.Unit, Help: s.Help, Value: m.Value})
			}
		}
	}
	return d
}

// loadLess is the remedy for a load that takes too much, or leaves too little.
const loadLess = "Free space there, or load less with --symbol or --end-date."

// judgePending adds what a load would take of the database's volume.
func judgePending(r *nagios.Result, p pending, db volume, now time.Time) {
	switch {
	case !p.known && p.err == nil:
		r.Problems = append(r.Problems, nagios.Problem{
			State: nagios.Unknown, Text: fmt.Sprintf("the data dir %s does not answer", p.dataDir), Path: p.dataDir,
			Remedy: "Look at the server if it is a network mount; for very many files, raise --timeout.",
		})
		return
	case p.err != nil:
		unlisted := nagios.Problem{State: nagios.Unknown, Text: "cannot tell what is pending: " + p.err.Error(), Path: p.dataDir}
		var e *source.DirError
		if errors.As(p.err, &e) {
			unlisted.Text, unlisted.Remedy = "cannot tell what is pending: "+e.Problem, nagios.Advice(e.Remedy)
		}
		if errors.Is(p.err, fs.ErrPermission) {
			unlisted.Remedy = "Let the check's user read it."
		}
		r.Problems = append(r.Problems, unlisted)
		return
	}
	if p.detail != "" {
		r.Lines = append(r.Lines, p.detail)
	}
	if !p.snapshot.IsZero() {
		age := nagios.Human(max(now.Sub(p.snapshot).Round(time.Second).Seconds(), 0), nagios.Seconds) + " old"
		if catalog.InFuture(p.snapshot, now) {
			age = "which is in the future"
		}
		r.Lines = append(r.Lines, "ledger snapshot of "+p.snapshot.UTC().Format(time.DateTime)+" UTC, "+age)
	}
	needed := float64(p.space.Needed)
	r.Metrics = append(r.Metrics, nagios.Metric{
		Label: labelNeeded, Value: needed, Path: p.dataDir, Phrase: "{} needed to load " + amount.Of(p.space.Files, "file"), Remedy: loadLess,
	})
	if !db.measured || db.size == 0 {
		return
	}
	headroom := db.free - needed
	r.Metrics = append(r.Metrics, nagios.Metric{
		Label: labelHeadroom, Value: headroom, Path: db.target.path, Phrase: "{} left on " + db.name() + " after loading what is pending", Remedy: loadLess,
	})
	if headroom < 0 {
		r.Problems = append(r.Problems, nagios.Problem{
			State: nagios.Critical, Path: db.target.path,
			Text:   fmt.Sprintf("will not fit: %s, %s are free on %s", p.sentence(), nagios.Human(db.free, nagios.Bytes), db.name()),
			Remedy: fmt.Sprintf("Free %s there, or load less with --symbol or --end-date.", nagios.Human(-headroom, nagios.Bytes)),
		})
	}
}

// sentence says what is pending.
func (p pending) sentence() string {
	if p.space.Files == 0 {
		return "nothing is pending"
	}
	need := " need about "
	if p.space.Files == 1 {
		need = " needs about "
	}
	text := amount.Of(p.space.Files, "pending file") + need + nagios.Human(float64(p.space.Needed), nagios.Bytes)
	if p.doubt != "" {
		text += " (" + p.doubt + ")"
	}
	return text
}

package diskcheck

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/checkcli"
)

// observation is what was found out before time ran out.
type observation struct {
	volumes []volume // one for each target, in their order
	pending *pending // nil without --data-dir
}

// volume is the file system of one target.
type volume struct {
	target   target
	measured bool   // false where err says why not, or where it did not answer
	err      error  // nil and not measured: it did not answer in time
	missing  string // the part of the path that does not exist, where it is the database's and may be created; "" otherwise

	mount        mount
	readOnly     bool
	size         float64 // bytes
	used         float64
	free         float64 // available to users other than root
	inodes       float64 // 0 where the file system has no fixed number
	inodesUnused float64
}

// gather asks every file system and for what is pending, all at the same time. What has not answered when ctx ends is
// reported as such; its goroutine is left behind, since nothing can wake it.
func (c *Cmd) gather(ctx context.Context, targets []target) observation {
	checkcli.Stage(ctx, "asking the file systems")
	type numbered struct {
		i int
		v volume
	}
	o := observation{volumes: make([]volume, len(targets))}
	volumes := make(chan numbered, len(targets))
	for i, t := range targets {
		o.volumes[i] = volume{target: t}
		checkcli.Go(ctx, func() { volumes <- numbered{i, look(t)} })
	}
	var plans chan pending
	if c.DataDir != "" {
		o.pending = &pending{dataDir: c.DataDir}
		plans = make(chan pending, 1)
		checkcli.Go(ctx, func() { plans <- c.findPending(ctx) })
	}
	for waiting := len(targets); waiting > 0 || plans != nil; {
		select {
		case n := <-volumes:
			o.volumes[n.i] = n.v
			waiting--
		case p := <-plans:
			*o.pending, plans = p, nil
		case <-ctx.Done():
			return o
		}
	}
	return o
}

// look asks the file system of one target. It may hang in the kernel.
func look(t target) volume {
	v := volume{target: t}
	path, err := filepath.Abs(t.path)
	if err != nil {
		v.err = err
		return v
	}
	if t.db {
		if path, v.missing, err = existing(path); err != nil {
			v.err = err
			return v
		}
	}
	var st unix.Statfs_t
	for {
		err = unix.Statfs(path, &st)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		v.err = &fs.PathError{Op: "statfs", Path: path, Err: err}
		return v
	}
	v.fill(st)
	v.mount = mountOf(path)
	return v
}

// existing is path or, where it does not exist, the nearest folder above that does; missing is then the part below it.
func existing(path string) (found, missing string, err error) {
	for {
		_, err := os.Stat(path)
		switch {
		case err == nil:
			return path, missing, nil
		case errors.Is(err, fs.ErrNotExist) && path != "/":
			missing = filepath.Join(filepath.Base(path), missing)
			path = filepath.Dir(path)
		default:
			return "", "", err
		}
	}
}

// fill takes over the kernel's numbers. They are multiplied as floating point numbers, which do not overflow.
func (v *volume) fill(st unix.Statfs_t) {
	block := float64(st.Frsize)
	if block == 0 {
		block = float64(st.Bsize)
	}
	v.measured = true
	v.readOnly = st.Flags&unix.ST_RDONLY != 0
	v.size = float64(st.Blocks) * block
	v.used = float64(st.Blocks-min(st.Bfree, st.Blocks)) * block
	v.free = float64(st.Bavail) * block
	v.inodes, v.inodesUnused = float64(st.Files), float64(st.Ffree)
}

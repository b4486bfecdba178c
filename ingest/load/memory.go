package load

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/store"
)

// minMemory is the least that DuckDB may use where nothing was asked for; while rows stream it gets less, see leanLimit.
const minMemory = 128 << 20

// What a load needs at least: below that the kernel kills it, or a thread or an allocation of the runtimes fails, and nothing can be said any more.
// Of addresses far more are reserved than memory is used.
const (
	leastMemory        = 256 << 20
	leastAddresses     = 4 << 30
	reservedAddresses  = 3 << 30 // by Go's runtime, the threads' stacks and their allocators
	remedyForMemory    = "raise the limit: MemoryMax= of its unit, --memory of its container"
	remedyForAddresses = "raise that (ulimit -v, LimitAS=) and limit memory instead, with --memory-limit or MemoryMax="
)

// enoughMemory refuses limits with which a load would be killed in the middle.
func (r *run) enoughMemory() error {
	return checkMemory(r.path, availableMemory("/proc", "/sys/fs/cgroup"), addressLimit())
}

func checkMemory(path string, memory, addresses int64) error {
	short := func(text, remedy string) error {
		return &store.Error{Kind: store.KindMemory, Path: path, Text: text, Remedy: remedy}
	}
	switch {
	case addresses < leastAddresses:
		return short(fmt.Sprintf("not opened, since this process may use no more than %s of addresses, and a load reserves up to %s of them",
			humanize.IBytes(uint64(max(0, addresses))), humanize.IBytes(leastAddresses)), remedyForAddresses)
	case memory < leastMemory:
		return short(fmt.Sprintf("not opened, since this process may use no more than %s of memory, and a load needs %s",
			humanize.IBytes(uint64(max(0, memory))), humanize.IBytes(leastMemory)), remedyForMemory)
	}
	return nil
}

// addressLimit is RLIMIT_AS in bytes.
func addressLimit() int64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &limit); err != nil || limit.Cur > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(limit.Cur)
}

// memoryLimit is what DuckDB may use: what was asked for, or half of what this process may use. The other half is for what is
// decoded and read ahead, and for everybody else.
func (r *run) memoryLimit() int64 {
	if r.MemoryLimit > 0 {
		return r.MemoryLimit
	}
	available := availableMemory("/proc", "/sys/fs/cgroup")
	if addresses := addressLimit(); addresses < math.MaxInt64 {
		available = min(available, addresses-reservedAddresses)
	}
	return max(minMemory, available/2)
}

// streamMemory is what DuckDB is given, for each thread, while rows stream into a table without keys: some three row groups. Whatever it is given it
// fills with blocks that it has written already, and to touch memory for the first time costs as much as to write the rows that fit into it.
const streamMemory = 24 << 20

// leanLimit is the memory limit while rows are neither staged nor committed. Keys are kept in memory and cannot leave it, so a table that has
// them gets all there is. So does one where that turned out to be too little.
func (r *run) leanLimit() int64 {
	if r.roomy || r.db.Table().Keyed() {
		return r.most
	}
	thread := cmp.Or(r.StreamMemory, streamMemory)
	return min(r.most, thread*int64(max(2, r.threads())))
}

// beLean brings the limit down to [run.leanLimit], unless more than that is in use and has to stay. No transaction may be open: an error would end it.
func (r *run) beLean(ctx context.Context) error {
	if r.limit == r.leanLimit() {
		return nil
	}
	err := r.limitMemory(ctx, r.leanLimit())
	if store.KindOf(err) == store.KindMemory {
		r.roomy = true
		return nil
	}
	return err
}

// beRoomy gives DuckDB all the memory there is, until the next [run.beLean].
func (r *run) beRoomy(ctx context.Context) error {
	if r.limit >= r.most {
		return nil
	}
	return r.limitMemory(ctx, r.most)
}

// limitMemory tells DuckDB how much memory it may use from now on.
func (r *run) limitMemory(ctx context.Context, bytes int64) error {
	err := r.db.SetMemoryLimit(ctx, bytes)
	if err == nil {
		r.limit = bytes
	}
	return err
}

// widen gives DuckDB all the memory there is, to the end of the run, where err is that what it had was too little. It reports false where err is something
// else, or nothing more can be given. No transaction may be open.
func (r *run) widen(ctx context.Context, err error) bool {
	if !store.WantsMemory(err) || store.Broken(err) || r.limit >= r.most {
		return false
	}
	r.roomy = true
	r.Log.Info("DuckDB gets more memory", "bytes", r.most, keyError, err)
	return r.limitMemory(ctx, r.most) == nil
}

// availableMemory is the memory this process may use: the machine's, or less where a control group limits it.
func availableMemory(proc, cgroups string) int64 {
	available := int64(math.MaxInt64)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		available = int64(info.Totalram) * int64(info.Unit) //nolint:gosec // no machine has 2^63 bytes
	}
	groups, err := os.ReadFile(filepath.Join(proc, "self/cgroup"))
	if err != nil {
		return available
	}
	for line := range strings.SplitSeq(string(groups), "\n") {
		// "0::/system.slice/x.service" is version 2, "4:memory:/x" version 1 (cgroups(7)).
		fields := strings.SplitN(line, ":", 3)
		if len(fields) != 3 {
			continue
		}
		file, root := "memory.max", cgroups
		if fields[1] == "memory" {
			file, root = "memory.limit_in_bytes", filepath.Join(cgroups, "memory")
		} else if fields[1] != "" {
			continue
		}
		// A group is bound by its parents' limits too.
		for dir := fields[2]; ; dir = filepath.Dir(dir) {
			available = min(available, readLimit(filepath.Join(root, dir, file)))
			if dir == "/" || dir == "." {
				break
			}
		}
	}
	return available
}

// readLimit reads a limit in bytes; "max", or a file that is not there, is none.
func readLimit(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
}

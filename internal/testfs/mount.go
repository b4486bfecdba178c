package testfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Tmpfs is a file system in memory of that size, in the kernel's words, such as "160m".
func Tmpfs(tb testing.TB, size string) string {
	tb.Helper()
	dir := tb.TempDir()
	TmpfsAt(tb, dir, size)
	return dir
}

// TmpfsAt mounts a file system in memory at dir.
func TmpfsAt(tb testing.TB, dir, size string) (unmount func()) {
	tb.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		tb.Skipf("mount a small file system: %v", err)
	}
	unmount = func() { _ = unix.Unmount(dir, unix.MNT_DETACH) } // it may be unmounted already
	tb.Cleanup(unmount)
	return unmount
}

// Disk is an ext4 file system in a file.
type Disk struct{ Dir, image string }

// Ext4 is a file system of that many bytes, through a loop device.
func Ext4(tb testing.TB, size int64) Disk {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("only root may mount")
	}
	d := Disk{tb.TempDir(), filepath.Join(tb.TempDir(), "image")}
	f, err := os.Create(d.image)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.CommandContext(tb.Context(), "mkfs.ext4", "-q", "-m", "0", d.image).CombinedOutput(); err != nil {
		tb.Skipf("mkfs.ext4: %v: %s", err, out)
	}
	if err := d.mount(tb); err != nil {
		tb.Skip(err)
	}
	tb.Cleanup(func() { _ = unix.Unmount(d.Dir, unix.MNT_DETACH) })
	return d
}

func (d Disk) mount(tb testing.TB) error {
	tb.Helper()
	if out, err := exec.CommandContext(tb.Context(), "mount", "-o", "loop", d.image, d.Dir).CombinedOutput(); err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	return nil
}

// Fail lets no write through any more, as the kernel does where a disk fails.
func (d Disk) Fail(tb testing.TB) {
	tb.Helper()
	const shutdown = 0x8004587d // EXT4_IOC_SHUTDOWN, linux/ext4.h
	f, err := os.Open(d.Dir)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, 1); err != nil { // 1: the journal is written out first
		tb.Skipf("shut the file system down: %v", err)
	}
}

// Freeze has the file system take no write until it is thawed, as a disk does that hangs: who writes waits in the kernel, where not even SIGKILL reaches.
func (d Disk) Freeze(tb testing.TB) (thaw func()) {
	tb.Helper()
	const freeze, melt = 0xc0045877, 0xc0045878 // FIFREEZE and FITHAW, linux/fs.h
	control := func(request uint) error {
		f, err := os.Open(d.Dir)
		if err != nil {
			return err
		}
		return errors.Join(unix.IoctlSetInt(int(f.Fd()), request, 0), f.Close())
	}
	if err := control(freeze); err != nil {
		tb.Skipf("freeze the file system: %v", err)
	}
	thaw = sync.OnceFunc(func() {
		if err := control(melt); err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(thaw)
	return thaw
}

// Recover mounts the file system again after [Disk.Fail].
func (d Disk) Recover(tb testing.TB) {
	tb.Helper()
	if err := unix.Unmount(d.Dir, 0); err != nil {
		tb.Fatal(err)
	}
	if err := d.mount(tb); err != nil {
		tb.Fatal(err)
	}
}

// Fill takes all the space of dir's file system but so many bytes, and returns how to give it back.
func Fill(tb testing.TB, dir string, leave int64) (free func()) {
	tb.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	room := func() int64 {
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err != nil {
			tb.Fatal(err)
		}
		return int64(fs.Bavail)*fs.Bsize - leave
	}
	// Most of it at once, and the rest piece by piece, since what the file system needs for itself is not known.
	const rest = 2 << 20
	at := max(0, room()-rest)
	if at > 0 {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, at); err != nil {
			tb.Fatal(err)
		}
	}
	for piece := make([]byte, 4096); len(piece) > 0 && room() > 0; {
		n, err := f.WriteAt(piece, at)
		at += int64(n)
		if errors.Is(err, unix.ENOSPC) {
			piece = piece[:len(piece)/2] // what it told is free may be in smaller blocks
		} else if err != nil {
			tb.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			tb.Fatal(err)
		}
	}
}

// Dead is a FUSE file system whose server never answers: every system call on it hangs, as on a dead NFS server.
func Dead(tb testing.TB, dir string) {
	tb.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		tb.Skipf("no FUSE: %v", err)
	}
	if err := unix.Mount("fuse", dir, "fuse", 0, "fd="+strconv.Itoa(fd)+",rootmode=40000,user_id=0,group_id=0"); err != nil {
		_ = unix.Close(fd) // the error that counts is mount's
		tb.Skipf("may not mount: %v", err)
	}
	tb.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			tb.Error(err)
		}
		if err := unix.Close(fd); err != nil { // which ends the calls that hang
			tb.Error(err)
		}
	})
}

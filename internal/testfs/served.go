package testfs

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// File is a file of a served file system.
type File struct {
	fs.Inode
	Content []byte
	// Reading is called before each read with its place; what it returns, if not 0, is the read's error. It may keep the read waiting.
	Reading func(ctx context.Context, offset int64) syscall.Errno
	// Later is by how many seconds the file's time is later than it was.
	Later atomic.Int64
}

// Served mounts a FUSE file system at dir with these files, by name, and serves it until the test ends.
func Served(tb testing.TB, dir string, files map[string]*File) {
	tb.Helper()
	root := &folder{files: files}
	server, err := fs.Mount(dir, root, &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "testfs", MaxWrite: 64 << 10}})
	if err != nil {
		tb.Skipf("no FUSE, or may not mount: %v", err)
	}
	tb.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			tb.Error(err)
		}
		server.Wait()
	})
}

type folder struct {
	fs.Inode
	files map[string]*File
}

var _ fs.NodeOnAdder = (*folder)(nil)

// OnAdd puts the files into the folder when it is mounted.
func (f *folder) OnAdd(ctx context.Context) {
	for name, file := range f.files {
		f.AddChild(name, f.NewPersistentInode(ctx, file, fs.StableAttr{}), false)
	}
}

var (
	_ fs.NodeGetattrer = (*File)(nil)
	_ fs.NodeOpener    = (*File)(nil)
	_ fs.NodeReader    = (*File)(nil)
)

// Getattr tells size and time.
func (f *File) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Mtime = 0o444, uint64(len(f.Content)), uint64(1704067200+f.Later.Load())
	return 0
}

// Open lets nothing be cached, so that each read comes here.
func (f *File) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Read gives a part of the content.
func (f *File) Read(ctx context.Context, _ fs.FileHandle, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	if f.Reading != nil {
		if errno := f.Reading(ctx, offset); errno != 0 {
			return nil, errno
		}
	}
	offset = min(offset, int64(len(f.Content)))
	end := min(offset+int64(len(dest)), int64(len(f.Content)))
	return fuse.ReadResultData(f.Content[offset:end]), 0
}

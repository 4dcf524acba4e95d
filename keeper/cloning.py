"""Copies trees entry by entry, with everything that a layer's entry can be."""

import errno
import os
import stat

from attributes import Attributes, place, read_kept, write_all
from contents import open_regular
from copying import copy_file, digest_file, digest_kind
from errors import KeeperError
from folders import FolderStack, by_descriptor
from walk import kind_of

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def describe(layer, node, root):
    """The node as a line of a manifest, without the digest of its content."""
    status = node.status
    kind = kind_of(status)
    where = root if node.folder is None else place(node)
    found = Attributes(where, kind == "dir")
    entry = {
        "layer": layer,
        "path": node.path,
        "kind": kind,
        "mode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size if kind in ("file", "symlink") else 0,
        "mtimeNs": str(status.st_mtime_ns),
        "opaque": found.opaque,
    }
    if kind == "symlink":
        entry["target"] = os.readlink(node.name, dir_fd=node.folder)
    if kind in ("chardev", "blockdev"):
        entry["device"] = status.st_rdev
    pairs = read_kept(where, found.kept)
    if pairs:
        entry["attributes"] = _digest_pairs(pairs)
    return entry, pairs


def _digest_pairs(pairs):
    import hashlib

    digest = hashlib.sha256()
    for name, value in pairs:
        encoded = os.fsencode(name)
        digest.update(b"%d:%s%d:" % (len(encoded), encoded, len(value)) + value)
    return digest.hexdigest()


class Target:
    """The tree that a copy grows into, in the walk's order. Takes the root's descriptor over."""

    def __init__(self, root, links):
        self._stack = FolderStack(root)
        self._root = root
        self._times = []
        self._links = links

    def at(self, node):
        """The folder that the node's copy goes into; folders that are complete get their times."""
        while self._stack.depth >= max(node.depth, 1):
            self._leave()
        return self._stack.top

    def _leave(self):
        time = self._times.pop()
        os.utime(self._stack.top, ns=(time, time))
        self._stack.pop()

    def folder(self, node, pairs):
        if node.folder is None:
            fd = self._root
        else:
            os.mkdir(node.name, 0o700, dir_fd=self.at(node))
            self._stack.push(node.name)
            fd = self._stack.top
        write_all(fd, pairs)
        _own(fd, node.status)
        self._times.append(node.status.st_mtime_ns)

    def file(self, node, kind, pairs):
        """Copies a regular file; gives the digest of what was read."""
        source = open_regular(node.folder, node.name)
        if source is None:
            raise KeeperError("failed", "a file changed its type while it was copied")
        fd = os.open(node.name, _CREATE, 0o600, dir_fd=self.at(node))
        try:
            digest = copy_file(source, fd, kind, node.status.st_size)
            write_all(fd, pairs)
            _own(fd, node.status)
            os.utime(fd, ns=(node.status.st_mtime_ns, node.status.st_mtime_ns))
        finally:
            os.close(fd)
            os.close(source)
        return digest

    def link(self, node, from_folder, from_name):
        os.link(from_name, node.name, src_dir_fd=from_folder, dst_dir_fd=self.at(node), follow_symlinks=False)

    def symlink(self, node, target, pairs):
        folder = self.at(node)
        os.symlink(target, node.name, dir_fd=folder)
        self._finish_special(node, folder, pairs)

    def special(self, node, pairs):
        folder = self.at(node)
        os.mknod(node.name, node.status.st_mode, node.status.st_rdev, dir_fd=folder)
        self._finish_special(node, folder, pairs)
        os.chmod(by_descriptor(folder, node.name), stat.S_IMODE(node.status.st_mode))

    @staticmethod
    def _finish_special(node, folder, pairs):
        status = node.status
        write_all(by_descriptor(folder, node.name), pairs)
        os.chown(node.name, status.st_uid, status.st_gid, dir_fd=folder, follow_symlinks=False)
        os.utime(node.name, ns=(status.st_mtime_ns, status.st_mtime_ns), dir_fd=folder, follow_symlinks=False)

    def keep(self, node, group):
        """Remembers a file's first name, so that its other names can be made without its path."""
        os.link(node.name, str(group), src_dir_fd=self.at(node), dst_dir_fd=self._links, follow_symlinks=False)

    def link_kept(self, node, group):
        try:
            self.link(node, self._links, str(group))
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            # The file has as many names as it can, one of them ours.
            self.take_kept(node, group)

    def take_kept(self, node, group):
        """The last name of the file is made of the kept one."""
        os.rename(str(group), node.name, src_dir_fd=self._links, dst_dir_fd=self.at(node))

    def finish(self):
        while self._stack.depth > 0:
            self._leave()
        time = self._times.pop()
        os.utime(self._root, ns=(time, time))

    def close(self):
        self._stack.close()


def _own(fd, status):
    os.fchown(fd, status.st_uid, status.st_gid)
    os.fchmod(fd, stat.S_IMODE(status.st_mode))


def clone_entry(target, node, entry, pairs, digest=None):
    """Copies one entry of any kind; a file's digest goes into `entry`, of the kind that is there or fits best."""
    kind = entry["kind"]
    if kind == "dir":
        target.folder(node, pairs)
    elif kind == "symlink":
        target.symlink(node, entry["target"], pairs)
    elif kind == "file":
        how = digest or digest_kind(node.status)
        entry[how] = target.file(node, how, pairs)
    else:
        target.special(node, pairs)


def digest_entry(node, how):
    """The digest of a file's content as it lies there."""
    fd = open_regular(node.folder, node.name)
    if fd is None:
        raise KeeperError("damaged", "a file is missing")
    try:
        return digest_file(fd, how, node.status.st_size)
    finally:
        os.close(fd)

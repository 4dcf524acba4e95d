"""layer.list: what a session wrote, entry by entry."""

import errno
import os
import stat

import checks
from attributes import Attributes, place
from contents import MAX_HEAD, hash_node, open_regular
from errors import KeeperError
from frames import MAX_DATA, Batch
from stacked import open_layer, walk_layer
from walk import Limits, kind_of

_LOOKS = 16


class _Entries:
    """Entries in messages of a good size. The contents of those with `holds` follow in one piece of data, in their order."""

    def __init__(self, writer):
        self._writer = writer
        self._batch = Batch(writer, "entries", on_flush=self._send_contents)
        self._contents = []
        self._bytes = 0

    def add(self, entry, content):
        if content:
            if self._bytes + len(content) > MAX_DATA:
                self.flush()
            entry["holds"] = len(content)
        # This may send what was added before, so the content comes after it.
        self._batch.add(entry, len(entry["path"]) + len(entry.get("target", "")))
        if content:
            self._contents.append(content)
            self._bytes += len(content)

    def flush(self):
        self._batch.flush()

    def _send_contents(self):
        if self._contents:
            self._writer.data(b"".join(self._contents))
        self._contents = []
        self._bytes = 0


def list_layer(connection, request):
    fields = checks.take(
        request,
        {"session": checks.session_id, "layer": checks.layer_name},
        {
            "hash": checks.boolean,
            "hashLimitBytes": checks.whole,
            "maxEntries": checks.whole,
            "maxDepth": checks.whole,
            "maxBytes": checks.whole,
            "contents": checks.at_most(MAX_HEAD),
        },
    )
    limits = Limits(fields["maxEntries"], fields["maxDepth"], fields["maxBytes"])
    entries = _Entries(connection.writer)
    most = fields["contents"] or 0
    count = 0
    store, session, layer = connection.store, fields["session"], fields["layer"]
    roots = open_layer(store, session, layer)
    upper = roots[0]
    for node in walk_layer(store, session, layer, roots, limits):
        content = None
        fd = _open_small(node, most)
        if fd is None:
            entry = describe_moving(node, upper)
            if entry is None:
                continue
        else:
            try:
                # By its descriptor, so that look and content are of one file.
                node.status = os.fstat(fd)
                entry = describe_node(node, upper, fd)
                content = _read_whole(fd, node.status.st_size, most)
            finally:
                os.close(fd)
        if fields["hash"] and entry["kind"] == "file":
            digest = hash_node(node, fields["hashLimitBytes"])
            if digest is not None:
                entry["sha256"] = digest
        entries.add(entry, content)
        count += 1
    entries.flush()
    return {"count": count}


def _open_small(node, most):
    """The descriptor of a regular file that is not empty and whose content is wanted; None for everything else."""
    status = node.status
    if not 0 < status.st_size <= most or not stat.S_ISREG(status.st_mode) or node.folder is None:
        return None
    return open_regular(node.folder, node.name, status)


def _read_whole(fd, size, most):
    """The content; None when it is not of that size now, or above the limit."""
    if not 0 < size <= most:
        return None
    content = os.pread(fd, size + 1, 0)
    return content if len(content) == size else None


def describe_moving(node, root):
    """What the node is. A sandbox that runs may put something else in its place meanwhile, or nothing: then None."""
    for _ in range(_LOOKS):
        try:
            return describe_node(node, root)
        except FileNotFoundError:
            return None
        except OSError as error:
            # What was a symbolic link has no target any more.
            if error.errno != errno.EINVAL:
                raise
        try:
            node.status = os.stat(node.name, dir_fd=node.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
    raise KeeperError("failed", f"{node.path[:200]!r} changes faster than it can be looked at")


def describe_node(node, root, opened=None):
    status = node.status
    kind = kind_of(status)
    where = opened if opened is not None else root if node.folder is None else place(node)
    found = Attributes(where, kind == "dir")
    entry = {
        "path": node.path,
        "kind": kind,
        "opaque": found.opaque,
        "mode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size,
        "mtimeNs": str(status.st_mtime_ns),
        "nlink": status.st_nlink,
        "ino": str(status.st_ino),
        "copiedUp": found.copied_up,
    }
    if kind == "symlink":
        entry["target"] = os.readlink(node.name, dir_fd=node.folder)
    if found.others:
        entry["xattrs"] = found.others[:100]
    if node.merged is not None:
        entry.update(node.merged)
    return entry

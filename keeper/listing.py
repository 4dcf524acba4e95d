"""layer.list: what a session wrote, entry by entry."""

import errno
import os
import stat

import checks
from attributes import Attributes, place
from contents import hash_node
from errors import KeeperError
from frames import Batch
from store import open_upper
from walk import Limits, kind_of, walk

_LOOKS = 16


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
        },
    )
    limits = Limits(fields["maxEntries"], fields["maxDepth"], fields["maxBytes"])
    batch = Batch(connection.writer, "entries")
    count = 0
    upper = open_upper(connection.store, fields["session"], fields["layer"])
    for node in walk(upper, limits):
        entry = describe_moving(node, upper)
        if entry is None:
            continue
        if fields["hash"] and entry["kind"] == "file":
            digest = hash_node(node, fields["hashLimitBytes"])
            if digest is not None:
                entry["sha256"] = digest
        batch.add(entry, len(node.path) + len(entry.get("target", "")))
        count += 1
    batch.flush()
    return {"count": count}


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


def describe_node(node, root):
    status = node.status
    kind = kind_of(status)
    found = Attributes(root if node.folder is None else place(node), kind == "dir")
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
    return entry

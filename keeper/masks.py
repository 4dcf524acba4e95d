"""The mask of a layer: whiteouts over files of the base that stay hidden, in folders that look like the real ones."""

import os
import stat

import checks
from errors import KeeperError
from folders import descend, open_folder
from store import layer_folder


def add(connection, request):
    """layer.mask: hides more. Only before the layer is mounted: the kernel takes the mask for unchanging."""
    fields = checks.take(
        request, {"session": checks.session_id, "layer": checks.layer_name, "masks": checks.masks}
    )
    folder = layer_folder(connection.store, fields["session"], fields["layer"])
    write_masks(f"{folder}/mask", fields["masks"])
    return {}


def write_masks(path, masks):
    """Makes the folders first, then the whiteouts, and sets the folders' times last, as each new entry changes them."""
    touched = {}
    for folder in masks["folders"]:
        _make_folder(path, folder, touched)
    for hidden in masks["hidden"]:
        with _parent(path, hidden, touched) as stack:
            try:
                os.mknod(_last(hidden), stat.S_IFCHR | 0o000, os.makedev(0, 0), dir_fd=stack.top)
            except FileExistsError:
                _expect_whiteout(stack.top, hidden)
    for each in masks["folders"]:
        touched[each["path"]] = each["mtimeNs"]
    for each, time in touched.items():
        with descend(open_folder(path), checks.names(each)) as stack:
            os.utime(stack.top, ns=(time, time))


def _last(path):
    return path.rpartition("/")[2]


def _parent(path, below, touched):
    """The folder that holds `below`, its time remembered."""
    parent = below.rpartition("/")[0]
    try:
        stack = descend(open_folder(path), checks.names(parent))
    except OSError:
        raise KeeperError("bad_request", f"the folder of {below[:200]!r} is not in the mask") from None
    touched.setdefault(parent, os.fstat(stack.top).st_mtime_ns)
    return stack


def _make_folder(path, folder, touched):
    with _parent(path, folder["path"], touched) as stack:
        name = _last(folder["path"])
        try:
            os.mkdir(name, 0o700, dir_fd=stack.top)
        except FileExistsError:
            pass
        try:
            stack.push(name)
        except NotADirectoryError:
            raise KeeperError("bad_request", f"{folder['path'][:200]!r} is hidden already") from None
        os.fchown(stack.top, folder["uid"], folder["gid"])
        os.fchmod(stack.top, folder["mode"])


def _expect_whiteout(folder, path):
    status = os.stat(_last(path), dir_fd=folder, follow_symlinks=False)
    if not (stat.S_ISCHR(status.st_mode) and status.st_rdev == 0):
        raise KeeperError("bad_request", f"{path[:200]!r} is a folder of the mask")

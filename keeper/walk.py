"""Walks a tree: every name as it is, in byte order, parents first, without following anything."""

import os
import stat

from errors import KeeperError
from folders import FolderStack

MAX_ENTRIES = 2_000_000
MAX_DEPTH = 4_096
MAX_PATH = 65_536
# Names of the folders on the way down are held to be sorted.
_MAX_HELD = 96 * 1024 * 1024
_NAME_COST = 80


class Limits:
    def __init__(self, entries=None, depth=None, total=None):
        self.entries = MAX_ENTRIES if entries is None else entries
        self.depth = MAX_DEPTH if depth is None else depth
        self.total = total


class Node:
    """One entry. `folder` is the descriptor of the folder that holds it, good until the walk goes on; None for the root."""

    __slots__ = ("path", "name", "folder", "status", "depth", "merged")

    def __init__(self, path, name, folder, status, depth):
        self.path = path
        self.name = name
        self.folder = folder
        self.status = status
        self.depth = depth
        # What holds of the entry in a layer of several folders, in place of what is read at it (stacked.py).
        self.merged = None


class Names:
    def __init__(self):
        self._levels = []
        self._held = []
        self._total = 0

    def read(self, *folders):
        """The names of a folder, or of several that are seen as one."""
        names = []
        held = 0
        for folder in folders:
            with os.scandir(folder) as entries:
                for entry in entries:
                    names.append(entry.name)
                    held += len(entry.name) + _NAME_COST
                    if self._total + held > _MAX_HELD:
                        raise KeeperError("limit", "a folder holds too many names")
        if len(folders) > 1:
            names = list(set(names))
        names.sort(key=os.fsencode, reverse=True)
        self._levels.append(names)
        self._held.append(held)
        self._total += held

    def leave(self):
        self._levels.pop()
        self._total -= self._held.pop()

    @property
    def over(self):
        return not self._levels

    def next(self):
        level = self._levels[-1]
        return level.pop() if level else None


class Budget:
    def __init__(self, limits):
        self._limits = limits
        self._entries = 0
        self._total = 0

    def count(self, status, path, depth):
        limits = self._limits
        self._entries += 1
        if self._entries > limits.entries:
            raise KeeperError("limit", f"more than {limits.entries} entries")
        if depth > limits.depth:
            raise KeeperError("limit", f"more than {limits.depth} folders deep")
        if len(path) > MAX_PATH // 4 and len(os.fsencode(path)) > MAX_PATH:
            raise KeeperError("limit", f"a path of more than {MAX_PATH} bytes")
        if limits.total is not None and stat.S_ISREG(status.st_mode):
            self._total += status.st_size
            if self._total > limits.total:
                raise KeeperError("limit", f"more than {limits.total} bytes")


def walk(root, limits):
    """Yields the root's node (path "") and then every node below it; takes the descriptor over."""
    with FolderStack(root) as stack:
        yield Node("", "", None, os.fstat(root), 0)
        names = Names()
        names.read(root)
        budget = Budget(limits)
        path = ""
        lengths = [0]
        while not names.over:
            name = names.next()
            if name is None:
                names.leave()
                path = path[: lengths.pop()]
                if not names.over:
                    stack.pop()
                continue
            try:
                status = os.stat(name, dir_fd=stack.top, follow_symlinks=False)
            except FileNotFoundError:
                continue
            below = f"{path}/{name}" if path else name
            budget.count(status, below, stack.depth + 1)
            node = Node(below, name, stack.top, status, stack.depth + 1)
            yield node
            # The one who looked may have found something else there by now.
            if stat.S_ISDIR(node.status.st_mode) and stack.enter(name):
                names.read(stack.top)
                lengths.append(len(path))
                path = below


_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "blockdev",
}


def kind_of(status):
    """What an entry of an overlay's upper folder is. A character device 0:0 is the overlay's sign for a deletion."""
    if stat.S_ISCHR(status.st_mode):
        return "whiteout" if status.st_rdev == 0 else "chardev"
    return _KINDS[stat.S_IFMT(status.st_mode)]

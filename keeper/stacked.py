"""The layer of a fork: what it wrote over what the snapshots below it hold, seen as one layer over the base."""

import errno
import json
import os
import stat

from attributes import Attributes
from errors import KeeperError
from folders import NOT_A_FOLDER, FolderStack, by_descriptor, held_among, open_folder
from store import existing_session, layer_folder, lower_of, prove_attributes, snapshot_folder
from walk import Budget, Names, Node


def layer_roots(store, session, layer):
    """The folders that make up a layer, from the top down: its own, and its part of each snapshot below it."""
    roots = [f"{layer_folder(store, session, layer)}/upper"]
    for each in lower_of(store, session):
        root = f"{snapshot_folder(store, each['session'], each['snapshot'])}/layers/{layer}"
        if not os.path.isdir(root):
            raise KeeperError("damaged", f"the snapshot {each['snapshot']} of {each['session']} has no layer {layer}")
        roots.append(root)
    return roots


def base_folder(store, session, layer):
    """What lies under a layer when it was uploaded: a fork's is that of the session which the first snapshot is of."""
    existing_session(store, session)
    lower = lower_of(store, session)
    owner = lower[-1]["session"] if lower else session
    return f"{existing_session(store, owner)}/base/{layer}"


def open_layer(store, session, layer):
    """The descriptors of `layer_roots`, when the overlay's attributes can be read: without them, deletions would be overlooked."""
    prove_attributes(layer_folder(store, session, layer))
    return [open_folder(root) for root in layer_roots(store, session, layer)]


def walk_layer(store, session, layer, roots, limits):
    """Like `walk`, over all the folders of a layer, whose descriptors it takes over."""
    if len(roots) == 1:
        from walk import walk

        return walk(roots[0], limits)
    links = [None, *(_Links(store, each, layer) for each in lower_of(store, session))]
    return _walk(roots, links, limits)


class _Links:
    """How many names a file of a snapshot has. The inode's own count is no answer: snapshots share their files."""

    def __init__(self, store, each, layer):
        self._layer = layer
        self._folder = snapshot_folder(store, each["session"], each["snapshot"])
        self._counts = self._count()
        self._manifest = None
        if self._counts:
            from previous import PreviousSnapshot

            self._manifest = PreviousSnapshot(self._folder)
            self._manifest.begin(layer)

    def _count(self):
        counts = {}
        try:
            with open(f"{self._folder}/manifest.jsonl", "rb", buffering=256 * 1024) as file:
                for line in file:
                    # A quote within a path has a backslash before it.
                    if b'"link":' in line:
                        entry = json.loads(line)
                        if entry["layer"] == self._layer:
                            counts[entry["link"]] = counts.get(entry["link"], 0) + 1
        except (OSError, ValueError, KeyError):
            raise KeeperError("damaged", "the manifest of a snapshot below a fork cannot be read") from None
        return counts

    def of(self, path):
        entry = None if self._manifest is None else self._manifest.find(path)
        return 1 if entry is None else self._counts.get(entry.get("link"), 1)

    def close(self):
        if self._manifest is not None:
            self._manifest.close()


class _Level:
    """A merged folder on the way down: which of the layers have it."""

    __slots__ = ("active", "length")

    def __init__(self, active, length):
        self.active = active
        self.length = length


def _walk(roots, links, limits):
    stacks = [FolderStack(root, held_among(len(roots))) for root in roots]
    try:
        yield Node("", "", None, os.fstat(roots[0]), 0)
        yield from _walk_below(stacks, links, limits)
    finally:
        for each in (*stacks, *links[1:]):
            each.close()


def _walk_below(stacks, links, limits):
    budget = Budget(limits)
    names = Names()
    names.read(*(stack.top for stack in stacks))
    levels = [_Level(range(len(stacks)), 0)]
    path = ""
    while not names.over:
        level = levels[-1]
        name = names.next()
        if name is None:
            names.leave()
            path = path[: level.length]
            levels.pop()
            if levels:
                for index in level.active:
                    stacks[index].pop()
            continue
        found = _find(stacks, level.active, name)
        if not found:
            continue
        below = f"{path}/{name}" if path else name
        top, status = found[0]
        budget.count(status, below, len(levels))
        node = Node(below, name, stacks[top].top, status, len(levels))
        try:
            parts, node.merged = _merge(stacks, found, name)
        except FileNotFoundError:
            # A sandbox that runs took it away meanwhile.
            continue
        if top > 0 and not stat.S_ISDIR(status.st_mode):
            node.merged["nlink"] = links[top].of(below)
        yield node
        if not stat.S_ISDIR(node.status.st_mode):
            continue
        entered = [index for index in parts if stacks[index].enter(name)]
        if entered:
            names.read(*(stacks[index].top for index in entered))
            levels.append(_Level(entered, len(path)))
            path = below


def _find(stacks, active, name):
    """(layer, status) of each layer that has the name, from the top down."""
    found = []
    for index in active:
        try:
            found.append((index, os.stat(name, dir_fd=stacks[index].top, follow_symlinks=False)))
        except FileNotFoundError:
            continue
    return found


def _is_whiteout(status):
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _merge(stacks, found, name):
    """
    The layers that an entry is made of, and what is true of it as an entry of one layer over the base. The kernel does not
    mark a folder opaque that was made where a lower layer has a deletion or something else: it looks no further by itself.
    """
    parts = []
    opaque = copied_up = False
    wants_folder = stat.S_ISDIR(found[0][1].st_mode)
    for index, status in found:
        is_folder = stat.S_ISDIR(status.st_mode)
        if is_folder != wants_folder or (parts and _is_whiteout(status)):
            opaque = wants_folder
            break
        attributes = Attributes(by_descriptor(stacks[index].top, name), is_folder)
        parts.append(index)
        # Of the lowest: what lies over that was copied up from it, not from the base.
        copied_up = attributes.copied_up
        if attributes.opaque:
            opaque = True
            break
    return parts, {"opaque": opaque, "copiedUp": copied_up}


def _at(stack, name, status):
    from attributes import place


def open_stacked(roots, parts):
    """The descriptor of a layer's regular file, wherever among the layer's folders it lies; None when there is none."""
    from contents import open_regular

    for root in roots:
        with FolderStack(open_folder(root)) as stack:
            hides = _descend(stack, parts[:-1])
            if hides is _BLOCKED:
                return None
            if hides is None:
                continue
            try:
                found = os.stat(parts[-1], dir_fd=stack.top, follow_symlinks=False)
            except OSError as error:
                if error.errno == errno.ENOENT and not hides:
                    continue
                if error.errno in (*NOT_A_FOLDER, errno.ENAMETOOLONG):
                    return None
                raise
            return open_regular(stack.top, parts[-1], found)
    return None


_BLOCKED = object()


def _descend(stack, folders):
    """Whether a folder on the way hides what is below; None when the way ends here, `_BLOCKED` when it ends for all."""
    hides = False
    for name in folders:
        try:
            stack.push(name)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return _BLOCKED if hides else None
            if error.errno in (*NOT_A_FOLDER, errno.ENAMETOOLONG):
                return _BLOCKED
            raise
        hides = hides or Attributes(stack.top, True).opaque
    return hides

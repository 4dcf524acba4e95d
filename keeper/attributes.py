"""Extended attributes of entries of a layer."""

import os

from errors import KeeperError
from folders import by_descriptor

_OVERLAY = "trusted.overlay."
OPAQUE = "trusted.overlay.opaque"
ORIGIN = "trusted.overlay.origin"
# With these the content or the place of an entry would be somewhere else; the mount options forbid them.
_FORBIDDEN = ("trusted.overlay.metacopy", "trusted.overlay.redirect")
# What a snapshot keeps. File capabilities and labels of security modules are left out: nothing in a sandbox may have them.
_KEPT = ("user.", "system.posix_acl_", _OVERLAY)


def place(node):
    """Where the node's attributes are read; its own name is never followed."""
    return node if isinstance(node, (int, str)) else by_descriptor(node.folder, node.name)


def names_on(where):
    if isinstance(where, int):
        return os.listxattr(where)
    return os.listxattr(where, follow_symlinks=False)


def value_on(where, name):
    if isinstance(where, int):
        return os.getxattr(where, name)
    return os.getxattr(where, name, follow_symlinks=False)


class Attributes:
    """What the attributes of one entry say."""

    __slots__ = ("opaque", "copied_up", "others", "kept")

    def __init__(self, where, is_folder):
        names = names_on(where)
        for name in names:
            if name in _FORBIDDEN:
                raise KeeperError("failed", f"the layer has an entry with {name}, which must be off")
        self.opaque = is_folder and OPAQUE in names and value_on(where, OPAQUE) == b"y"
        self.copied_up = ORIGIN in names
        self.others = sorted(name for name in names if not name.startswith(_OVERLAY))
        self.kept = sorted((name for name in names if name.startswith(_KEPT)), key=os.fsencode)


def read_kept(where, names):
    """The attributes that a snapshot keeps, as pairs."""
    return [(name, value_on(where, name)) for name in names]


def write_all(where, pairs):
    for name, value in pairs:
        if isinstance(where, int):
            os.setxattr(where, name, value)
        else:
            os.setxattr(where, name, value, follow_symlinks=False)

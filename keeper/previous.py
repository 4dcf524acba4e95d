"""The snapshot before: where unchanged files can be linked to instead of copied."""

import os

from errors import KeeperError
from folders import descend, open_folder
from manifest import ManifestReader, tree_key


class PreviousSnapshot:
    """Looks entries up in the order of a walk, in constant memory. Anything strange means: nothing to link to."""

    def __init__(self, folder):
        self._folder = folder
        self._layer = None
        self._manifest = None

    def begin(self, layer):
        self.close()
        self._layer = layer
        try:
            self._manifest = ManifestReader(f"{self._folder}/manifest.jsonl")
            while (entry := self._manifest.peek()) is not None and entry["layer"] != layer:
                self._manifest.next()
        except (KeeperError, OSError):
            self.close()

    def find(self, path):
        """The entry of that path; paths must be asked for in the tree's order."""
        if self._manifest is None:
            return None
        key = tree_key(path)
        try:
            while (entry := self._manifest.peek()) is not None and entry["layer"] == self._layer:
                order = tree_key(entry["path"])
                if order > key:
                    return None
                self._manifest.next()
                if order == key:
                    return entry
        except (KeeperError, OSError):
            self.close()
        return None

    def open_folder(self, layer, path):
        """The descriptor of the folder that held the path; None when it is not there."""
        parts = path.split("/")[:-1]
        try:
            with descend(open_folder(f"{self._folder}/layers/{layer}"), parts) as stack:
                return os.dup(stack.top)
        except OSError:
            return None

    def close(self):
        if self._manifest is not None:
            self._manifest.close()
        self._manifest = None

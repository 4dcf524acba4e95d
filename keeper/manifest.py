"""The manifest of a snapshot: one line an entry, and a last line that seals it."""

import json
import os

from checks import LAYER
from errors import KeeperError


def damaged(message):
    return KeeperError("damaged", message)


def _encode(value):
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


class ManifestWriter:
    def __init__(self, path):
        import hashlib

        self._file = open(path, "xb", buffering=256 * 1024)
        self._digest = hashlib.sha256()
        self.files = 0
        self.bytes = 0

    def add(self, entry):
        line = _encode(entry)
        self._digest.update(line)
        self._file.write(line)
        if entry["kind"] == "file":
            self.files += 1
            self.bytes += entry["size"]

    def seal(self):
        """Writes the last line, makes the file durable, and gives the SHA-256 of the whole."""
        end = {"end": True, "files": self.files, "bytes": self.bytes, "sha256": self._digest.hexdigest()}
        line = _encode(end)
        self._digest.update(line)
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return {"files": self.files, "bytes": self.bytes, "manifestSha256": self._digest.hexdigest()}

    def close(self):
        self._file.close()


class ManifestReader:
    """The entries of a manifest in order. `summary` is there once the seal was reached and fits."""

    def __init__(self, path):
        import hashlib

        try:
            self._file = open(path, "rb", buffering=256 * 1024)
        except FileNotFoundError:
            raise damaged("the manifest is missing") from None
        self._digest = hashlib.sha256()
        self._files = 0
        self._bytes = 0
        self._waiting = None
        self.summary = None

    def peek(self):
        if self._waiting is None and self.summary is None:
            self._waiting = self._read()
        return self._waiting

    def next(self):
        entry = self.peek()
        self._waiting = None
        return entry

    def _read(self):
        line = self._file.readline()
        try:
            entry = json.loads(line)
        except ValueError:
            raise damaged("the manifest ends too early or has a line that cannot be read") from None
        if isinstance(entry, dict) and "end" in entry:
            self._check_seal(entry, line)
            return None
        if not _is_entry(entry):
            raise damaged("the manifest has a line that is no entry")
        self._digest.update(line)
        if entry["kind"] == "file":
            self._files += 1
            self._bytes += entry["size"]
        return entry

    def _check_seal(self, seal, line):
        expected = {"end": True, "files": self._files, "bytes": self._bytes, "sha256": self._digest.hexdigest()}
        if seal != expected or self._file.read(1) != b"":
            raise damaged("the manifest's seal does not fit")
        self._digest.update(line)
        self.summary = {"files": self._files, "bytes": self._bytes, "manifestSha256": self._digest.hexdigest()}

    def finish(self):
        """What stands in the seal; there must be no entry left."""
        if self.next() is not None:
            raise damaged("the manifest names an entry that is not there")
        return self.summary

    def close(self):
        self._file.close()


def _is_entry(value):
    if not isinstance(value, dict) or not isinstance(value.get("size"), int):
        return False
    known = all(isinstance(value.get(key), str) for key in ("layer", "path", "kind"))
    return known and LAYER.fullmatch(value["layer"]) is not None


def tree_key(path):
    """Sorts like the walk: names by their bytes, a folder before what it holds."""
    return [os.fsencode(name) for name in path.split("/")] if path else []

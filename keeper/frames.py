"""Frames on stdin and stdout: length, type, payload."""

import json
import os

from errors import bad_request

MAX_JSON = 16 * 1024 * 1024
MAX_DATA = 256 * 1024
_LIMITS = {b"J": MAX_JSON, b"D": MAX_DATA}


class BrokenStream(Exception):
    """The other side does not speak frames: nothing after this can be understood."""


class FrameReader:
    def __init__(self, fd):
        self._file = open(fd, "rb", buffering=MAX_DATA, closefd=False)

    def read(self):
        """The next frame as (type, payload); None at the end."""
        head = self._file.read(5)
        if len(head) < 5:
            return None
        kind = head[4:5]
        length = int.from_bytes(head[:4], "big") - 1
        if kind not in _LIMITS or not 0 <= length <= _LIMITS[kind]:
            raise BrokenStream("a frame of an unknown type or above the limit")
        payload = self._file.read(length)
        if len(payload) != length:
            return None
        return kind, payload

    def read_message(self):
        """The next frame, which must be a JSON object; None at the end."""
        frame = self.read()
        if frame is None:
            return None
        if frame[0] != b"J":
            raise BrokenStream("data where a message was expected")
        return parse_message(frame[1])


class FrameWriter:
    def __init__(self, fd):
        self._fd = fd
        self._queue = []
        self._queued = 0

    def _put(self, kind, payload):
        frame = b"".join(((len(payload) + 1).to_bytes(4, "big"), kind, payload))
        self._queue.append(frame)
        self._queued += len(frame)

    def _flush(self):
        rest = memoryview(b"".join(self._queue))
        self._queue = []
        self._queued = 0
        while rest:
            rest = rest[os.write(self._fd, rest):]

    def message(self, value):
        self._put(b"J", _encode(value))
        self._flush()

    def data(self, payload):
        self._put(b"D", payload)
        self._flush()

    def queue_message(self, value):
        """As `message`, but small frames wait for one another: the next frame that is not queued sends them."""
        self._put(b"J", _encode(value))
        self._flush_when_full()

    def queue_data(self, payload):
        self._put(b"D", payload)
        self._flush_when_full()

    def _flush_when_full(self):
        if self._queued >= MAX_DATA:
            self._flush()

    def done(self, fields):
        self.message({"done": True, **fields})

    def error(self, code, message):
        self.message({"error": {"code": code, "message": message[:4096]}})


class Batch:
    """Gathers small values into messages `{key: [...]}` of a good size."""

    def __init__(self, writer, key, size=48 * 1024, on_flush=None):
        self._writer = writer
        self._on_flush = on_flush
        self._key = key
        self._size = size
        self._values = []
        self._held = 0

    def add(self, value, weight):
        # A lone surrogate takes six bytes in JSON.
        weight = 6 * weight + 400
        if self._values and self._held + weight > self._size:
            self.flush()
        self._values.append(value)
        self._held += weight

    def flush(self):
        if self._values:
            self._writer.message({self._key: self._values})
            if self._on_flush is not None:
                self._on_flush()
        self._values = []
        self._held = 0


def _encode(value):
    payload = json.dumps(value, separators=(",", ":")).encode("ascii")
    if len(payload) > MAX_JSON:
        raise ValueError("an answer is above the limit of a frame")
    return payload


def parse_message(payload):
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        raise bad_request("a message is not JSON") from None
    if not isinstance(value, dict):
        raise bad_request("a message is not an object")
    return value

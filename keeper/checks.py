"""Every field of every request is checked here before anything uses it."""

import os
import re

from errors import bad_request

_SESSION = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
LAYER = re.compile(r"workspace|home|path-[1-9][0-9]{0,2}")
_SNAPSHOT = re.compile(r"s[1-9][0-9]{0,5}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}")
_MAX_INTEGER = 2**53
_MIN_TIME = -(2**62)
_MAX_TIME = 2**62


def take(request, required, optional=None):
    """The request's fields, checked; anything missing or unknown is refused."""
    optional = optional or {}
    for name in request:
        if name != "op" and name not in required and name not in optional:
            raise bad_request(f"unknown field {name!r}")
    fields = {}
    for name, check in required.items():
        if name not in request:
            raise bad_request(f"field {name!r} is missing")
        fields[name] = check(request[name])
    for name, check in optional.items():
        fields[name] = check(request[name]) if name in request else None
    return fields


def _matching(pattern, what):
    def check(value):
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise bad_request(f"not a {what}: {str(value)[:100]!r}")
        return value

    return check


session_id = _matching(_SESSION, "session id")
layer_name = _matching(LAYER, "layer")
snapshot_id = _matching(_SNAPSHOT, "snapshot id")
sha256_hex = _matching(re.compile(r"[0-9a-f]{64}"), "SHA-256")


def one_of(*values):
    def check(value):
        if not isinstance(value, str) or value not in values:
            raise bad_request(f"not one of {', '.join(values)}")
        return value

    return check


def boolean(value):
    if not isinstance(value, bool):
        raise bad_request("not true or false")
    return value


def whole(value, largest=_MAX_INTEGER):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise bad_request("not a whole number in range")
    return value


def at_most(largest):
    return lambda value: whole(value, largest)


def mode_bits(value):
    return whole(value, 0o7777)


def owner_number(value):
    return whole(value, 2**32 - 2)


def time_ns(value):
    if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
        raise bad_request("not a time in nanoseconds")
    return min(max(int(value), _MIN_TIME), _MAX_TIME)


def record(value):
    if not isinstance(value, dict):
        raise bad_request("a record is an object")
    return value


def text_bytes(value):
    """A string in surrogateescape form as the bytes that it stands for."""
    try:
        return os.fsencode(value)
    except (UnicodeEncodeError, TypeError):
        raise bad_request("not a string in surrogateescape form") from None


def names(value):
    """A relative path as its names; the root is the empty path."""
    if not isinstance(value, str):
        raise bad_request("a path is a string")
    if value == "":
        return []
    text_bytes(value)
    parts = value.split("/")
    if "\0" in value or any(part in ("", ".", "..") for part in parts):
        raise bad_request("a path with an empty, relative or NUL part")
    return parts


def path_below(value):
    """A relative path that is not the root; a symbolic link can never be in its text."""
    if not names(value):
        raise bad_request("the root where a path below it was expected")
    return value


def link_target(value):
    if not isinstance(value, str) or value == "" or "\0" in value:
        raise bad_request("not a link's target")
    text_bytes(value)
    return value


def array(check, most=1_000_000):
    def check_all(value):
        if not isinstance(value, list) or len(value) > most:
            raise bad_request("not a list, or too long a one")
        return [check(each) for each in value]

    return check_all


def layer_names(value):
    found = array(layer_name, 100)(value)
    if not found or len(set(found)) != len(found):
        raise bad_request("no layers, or one of them twice")
    return found


def fields(required, optional=None):
    def check(value):
        if not isinstance(value, dict) or "op" in value:
            raise bad_request("not an object of known fields")
        return take(value, required, optional)

    return check


ATTRIBUTES = {"mode": mode_bits, "uid": owner_number, "gid": owner_number, "mtimeNs": time_ns}
masks = fields({"folders": array(fields({"path": path_below, **ATTRIBUTES})), "hidden": array(path_below)})

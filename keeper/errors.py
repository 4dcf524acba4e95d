"""What the keeper answers when something cannot be done."""

import errno


class KeeperError(Exception):
    """A failure with one of the protocol's codes."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message


def bad_request(message):
    return KeeperError("bad_request", message)


def describe(error):
    """The code and the message for anything that was raised."""
    if isinstance(error, KeeperError):
        return error.code, error.message
    if isinstance(error, OSError):
        code = "no_space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "failed"
        name = errno.errorcode.get(error.errno, str(error.errno))
        return code, f"{name}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "limit", "out of memory"
    return "failed", f"{type(error).__name__}: {error}"

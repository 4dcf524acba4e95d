"""snapshot.restore and layer.reset: new layers are built beside the old ones and take their places at once."""

import json
import os
import stat

import checks
import trash
from cloning import Target, clone_entry
from durable import flush
from errors import KeeperError
from folders import open_folder
from manifest import damaged
from snapshots import go_through
from store import Hold, layer_folder, session_folder, snapshot_folder, sync_folder, write_file

_DRAFTS = ("upper.new", "work.new")


def restore(connection, request):
    fields = checks.take(
        request,
        {"session": checks.session_id, "snapshot": checks.snapshot_id, "layers": checks.layer_names},
        {"manifestSha256": checks.sha256_hex},
    )
    with Hold(connection.store, fields["session"]):
        return _restore(connection.store, fields)


def _restore(store, fields):
    session, layers = fields["session"], fields["layers"]
    snapshot = snapshot_folder(store, session, fields["snapshot"])
    uppers = {layer: _prepare(store, session, layer) for layer in layers}
    links_path = f"{session_folder(store, session)}/links.new"
    trash.throw_away(store, session, links_path)
    os.mkdir(links_path, 0o700)
    builder = _Builder(uppers, open_folder(links_path))
    try:
        summary = go_through(snapshot, builder.open_layer, fields["manifestSha256"])
        builder.finish()
        if builder.missing:
            raise damaged(f"the snapshot has no layer {', '.join(sorted(builder.missing))}")
    except BaseException:
        for layer in layers:
            _clear_drafts(store, session, layer)
        raise
    finally:
        builder.close()
        trash.throw_away(store, session, links_path)
        trash.empty(store, session)
    for upper in uppers.values():
        flush(upper)
    _swap(store, session, layers)
    return summary


def reset(connection, request):
    fields = checks.take(request, {"session": checks.session_id, "layers": checks.layer_names})
    with Hold(connection.store, fields["session"]):
        return _reset(connection.store, fields["session"], fields["layers"])


def _reset(store, session, layers):
    for layer in layers:
        upper = _prepare(store, session, layer)
        # The mask's root still looks like the layer's at its beginning.
        status = os.stat(f"{layer_folder(store, session, layer)}/mask")
        os.chown(upper, status.st_uid, status.st_gid)
        os.chmod(upper, stat.S_IMODE(status.st_mode))
        os.utime(upper, ns=(status.st_mtime_ns, status.st_mtime_ns))
    _swap(store, session, layers)
    return {}


def _prepare(store, session, layer):
    folder = layer_folder(store, session, layer)
    _clear_drafts(store, session, layer)
    for name in _DRAFTS:
        os.mkdir(f"{folder}/{name}", 0o700)
    return f"{folder}/upper.new"


def _clear_drafts(store, session, layer):
    for name in _DRAFTS:
        trash.throw_away(store, session, f"{session_folder(store, session)}/layers/{layer}/{name}")


class _Builder:
    """Builds each layer anew while its snapshot is verified: what is copied is what was hashed."""

    def __init__(self, uppers, links):
        self._uppers = uppers
        self._links = links
        self._target = None
        self._kept = set()
        self.missing = set(uppers)

    def open_layer(self, layer):
        self.finish()
        if layer not in self._uppers:
            raise KeeperError("bad_request", f"the snapshot has a layer {layer} that was not asked for")
        self.missing.discard(layer)
        self._target = Target(open_folder(self._uppers[layer]), self._links)
        return self._copy

    def _copy(self, node, known, how, pairs):
        target = self._target
        group = known.get("link")
        if group is not None and group in self._kept:
            target.link_kept(node, group)
            return known[how]
        entry = {"kind": known["kind"], "target": known.get("target")}
        clone_entry(target, node, entry, pairs, how)
        if group is not None:
            target.keep(node, group)
            self._kept.add(group)
        return entry.get(how) if how is not None else None

    def finish(self):
        if self._target is not None:
            self._target.finish()
            self._target.close()
        self._target = None

    def close(self):
        if self._target is not None:
            self._target.close()
        os.close(self._links)


def _swap(store, session, layers):
    """From here on the restore is finished by whoever comes next, if we are killed."""
    folder = session_folder(store, session)
    write_file(f"{folder}/restore.json", json.dumps(layers).encode("ascii"), durable=True)
    finish(store, session)
    trash.empty(store, session)


def finish(store, session):
    """Puts the new layers in their places. Every step can be repeated."""
    folder = session_folder(store, session)
    try:
        with open(f"{folder}/restore.json", "rb") as file:
            layers = json.load(file)
    except FileNotFoundError:
        # Another connection was faster.
        return
    for layer in checks.layer_names(layers):
        for name in ("upper", "work"):
            path = f"{folder}/layers/{layer}/{name}"
            if os.path.isdir(f"{path}.new"):
                trash.throw_away(store, session, path)
                os.rename(f"{path}.new", path)
        sync_folder(f"{folder}/layers/{layer}")
    os.unlink(f"{folder}/restore.json")
    sync_folder(folder)

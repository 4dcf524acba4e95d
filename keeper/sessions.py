"""session.*: the folders of a session, made in one step and removed in one step."""

import errno
import json
import os
import stat

import checks
import trash
from errors import KeeperError, bad_request
from frames import Batch
from masks import write_masks
from store import (
    Hold,
    existing_session,
    lower_of,
    mark_layer,
    require_unused,
    session_folder,
    sessions_folder,
    snapshot_folder,
    write_file,
)

_lower = checks.array(checks.fields({"session": checks.session_id, "snapshot": checks.snapshot_id}), 100)
_layer = checks.fields({"name": checks.layer_name, **checks.ATTRIBUTES})


def _masks_by_layer(value):
    if not isinstance(value, dict):
        raise bad_request("masks are an object")
    return {checks.layer_name(name): checks.masks(masks) for name, masks in value.items()}


def create(connection, request):
    fields = checks.take(
        request,
        {
            "session": checks.session_id,
            "record": checks.record,
            "layers": checks.array(_layer, 100),
            "masks": _masks_by_layer,
        },
        {"lower": _lower},
    )
    layers = fields["layers"]
    names = checks.layer_names([layer["name"] for layer in layers])
    if any(name not in names for name in fields["masks"]):
        raise bad_request("a mask of a layer that is not there")
    store, session = connection.store, fields["session"]
    lower = fields["lower"]
    if not lower:
        return _create(store, fields, [])
    # Held until the fork is there: whoever deletes the snapshot comes before it, and it fails, or finds it.
    with Hold(store, lower[0]["session"]):
        return _create(store, fields, _lower_folders(store, lower))


def _lower_folders(store, lower):
    """The snapshots' folders, from the top down. What lies below the first one is what it was taken over."""
    if lower_of(store, lower[0]["session"]) != lower[1:]:
        raise bad_request("these snapshots do not lie on one another")
    return [snapshot_folder(store, each["session"], each["snapshot"]) for each in lower]


def _create(store, fields, lower):
    session = fields["session"]
    os.makedirs(sessions_folder(store), mode=0o700, exist_ok=True)
    if os.path.exists(session_folder(store, session)):
        raise KeeperError("exists", f"the store has a session {session} already")
    # Built in the trash, so that what a killed creation leaves is found there.
    draft, lock = trash.new_draft(store, session)
    made = False
    try:
        _build(draft, fields, lower)
        os.rename(draft, session_folder(store, session))
        made = True
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise KeeperError("exists", f"the store has a session {session} already") from None
    finally:
        os.close(lock)
        if not made:
            trash.empty(store, session)
    return {}


def _build(draft, fields, lower):
    write_file(f"{draft}/session.json", _encode(fields["record"]), durable=False)
    for part in ("layers", "base", "snapshots"):
        os.mkdir(f"{draft}/{part}", 0o700)
    if lower:
        write_file(f"{draft}/lower.json", json.dumps(fields["lower"]).encode("ascii"), durable=True)
    for layer in fields["layers"]:
        if lower:
            layer = _like_snapshot(layer, f"{lower[0]}/layers/{layer['name']}")
        _make_layer(draft, layer, fields["masks"].get(layer["name"], {"folders": [], "hidden": []}))


def _like_snapshot(layer, root):
    """The layer with the attributes that its root had in the snapshot."""
    try:
        status = os.stat(root, follow_symlinks=False)
    except FileNotFoundError:
        raise KeeperError("not_found", f"the snapshot has no layer {layer['name']}") from None
    found = {"mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid}
    return {"name": layer["name"], "mtimeNs": status.st_mtime_ns, **found}


def _make_layer(draft, layer, masks):
    folder = f"{draft}/layers/{layer['name']}"
    os.mkdir(folder, 0o700)
    mark_layer(folder)
    os.mkdir(f"{folder}/work", 0o700)
    for path in (f"{folder}/mask", f"{folder}/upper", f"{draft}/base/{layer['name']}"):
        os.mkdir(path, 0o700)
    write_masks(f"{folder}/mask", masks)
    for path in (f"{folder}/mask", f"{folder}/upper", f"{draft}/base/{layer['name']}"):
        os.chown(path, layer["uid"], layer["gid"])
        os.chmod(path, layer["mode"])
        os.utime(path, ns=(layer["mtimeNs"], layer["mtimeNs"]))


def _encode(record):
    return json.dumps(record, indent=1).encode("ascii") + b"\n"


def record(connection, request):
    fields = checks.take(request, {"session": checks.session_id}, {"record": checks.record})
    path = f"{existing_session(connection.store, fields['session'])}/session.json"
    if fields["record"] is not None:
        write_file(path, _encode(fields["record"]), durable=True)
        return {"record": fields["record"]}
    with open(path, "rb") as file:
        return {"record": json.load(file)}


def list_all(connection, request):
    checks.take(request, {})
    try:
        names = sorted(os.listdir(sessions_folder(connection.store)))
    except FileNotFoundError:
        names = []
    batch = Batch(connection.writer, "sessions")
    for name in names:
        batch.add(name, len(name))
    batch.flush()
    return {}


def exists(connection, request):
    fields = checks.take(request, {"session": checks.session_id})
    store, session = connection.store, fields["session"]
    return {"exists": os.path.lexists(session_folder(store, session)) or trash.holds(store, session)}


def delete(connection, request):
    fields = checks.take(request, {"session": checks.session_id})
    store, session = connection.store, fields["session"]
    if os.path.isdir(session_folder(store, session)):
        with Hold(store, session):
            require_unused(store, session)
            trash.throw_away(store, session, session_folder(store, session))
    trash.empty(store, session)
    return {}

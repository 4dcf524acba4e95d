"""Writes test/fixtures/aws-requests.jsonl.gz: a request for every operation of every service, in every protocol it speaks.

botocore itself writes the requests, so the table is tested against what a real client sends and not against itself.
"""

import gzip
import json

import sources

sources.use_botocore()

import botocore.session  # noqa: E402
from botocore.awsrequest import create_request_object, prepare_request_dict  # noqa: E402
from botocore.model import ServiceModel  # noqa: E402
from botocore.serialize import create_serializer  # noqa: E402

TARGET = sources.ROOT / "test" / "fixtures" / "aws-requests.jsonl.gz"
UNNEEDED = {"content-length", "user-agent", "x-amzn-query-mode", "content-md5"}
loader = botocore.session.get_session().get_component("data_loader")


def sample(shape, depth=0):
    """The smallest value that has all that is required."""
    kind = shape.type_name
    if kind == "structure":
        if depth > 6:
            return {}
        names = shape.required_members or (list(shape.members)[:1] if getattr(shape, "is_tagged_union", False) else [])
        return {name: sample(shape.members[name], depth + 1) for name in names}
    if kind == "list":
        return [sample(shape.member, depth + 1)]
    if kind == "map":
        return {sample(shape.key, depth + 1): sample(shape.value, depth + 1)}
    if kind == "string":
        return shape.enum[0] if shape.enum else ("123456789012" if shape.name == "AccountId" else "some-thing")
    values = {"boolean": False, "blob": b"x", "timestamp": 1_700_000_000, "float": 1.5, "double": 1.5}
    return values.get(kind, 1)


def serialized(model, operation, protocol):
    given = sample(operation.input_shape) if operation.input_shape is not None else {}
    serializer = create_serializer(protocol, include_validation=False)
    request = serializer.serialize_to_request(given, operation)
    if any(getattr(value, "type_name", None) == "blob" for value in [request.get("body")]):
        return None
    prepare_request_dict(request, endpoint_url="https://host", context={})
    prepared = create_request_object(request).prepare()
    headers = {name.lower(): value for name, value in prepared.headers.items()}
    plain = {name: text(value) for name, value in headers.items() if name not in UNNEEDED}
    body = prepared.body
    return prepared.method, prepared.url.partition("host/")[2], plain, text(body) if body else ""


def text(value):
    return value.decode("latin-1") if isinstance(value, (bytes, bytearray)) else str(value)


def requests_of(service):
    description = loader.load_service_model(service, "service-2")
    meta = description["metadata"]
    signing = meta.get("signingName", meta["endpointPrefix"])
    for protocol in meta.get("protocols") or [meta["protocol"]]:
        model = ServiceModel({**description, "metadata": {**meta, "protocol": protocol}}, service)
        for name in model.operation_names:
            found = serialized(model, model.operation_model(name), protocol)
            if found is not None:
                yield [service, name, signing, protocol, *found]


def main():
    rows = [row for service in loader.list_available_services("service-2") for row in requests_of(service)]
    lines = "\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(gzip.compress(lines.encode(), 9, mtime=0))
    print(f"{len(rows)} requests, {TARGET.stat().st_size} bytes")


main()

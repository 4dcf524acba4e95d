import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Package managers that can be asked where they get their packages. */
export type ClientName = "npm" | "pip" | "apt" | "go" | "cargo";

interface Place {
  readonly homedir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const patienceMs = 15_000;
const run = promisify(execFile);

// In the user's home, never in the project: what a repository configures must not open a way for itself.
async function ask({ homedir, env }: Place, program: string, args: readonly string[]): Promise<string> {
  const answer = await run(program, [...args], {
    cwd: homedir,
    env: { ...env },
    timeout: patienceMs,
    encoding: "utf8",
  }).catch(() => ({ stdout: "" }));
  return answer.stdout;
}

async function readAll(paths: readonly string[]): Promise<string> {
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8").catch(() => "")));
  return texts.join("\n");
}

// pip knows its own index without being configured; where it serves files from is a second host.
const askPip = `
import os
from pip._internal.configuration import Configuration
from pip._internal.models.index import PyPI
found = Configuration(isolated=False)
found.load()
values = dict((key.split(".", 1)[-1], value) for key, value in found.items())
index = os.environ.get("PIP_INDEX_URL") or values.get("index-url")
print(index or PyPI.simple_url)
print(values.get("extra-index-url", ""))
if not index: print("https://" + PyPI.file_storage_domain)
`;

async function aptText(): Promise<string> {
  const folder = join("/etc/apt", "sources.list.d");
  const names = await readdir(folder).catch(() => []);
  return await readAll([join(folder, "../sources.list"), ...names.map((name) => join(folder, name))]);
}

const readers: Readonly<Record<ClientName, (place: Place) => Promise<string>>> = {
  npm: (place) => ask(place, "npm", ["config", "get", "registry"]),
  pip: (place) => ask(place, "python3", ["-c", askPip]),
  apt: aptText,
  go: (place) => ask(place, "go", ["env", "GOPROXY", "GOSUMDB"]),
  cargo: ({ homedir, env }) =>
    readAll(["config.toml", "config"].map((name) => join(env["CARGO_HOME"] ?? join(homedir, ".cargo"), name))),
};

/** The addresses that the user's own client gets packages from, as it says itself. */
export async function clientUrls(client: ClientName, place: Place): Promise<URL[]> {
  return urlsIn(await readers[client](place));
}

/** Every web address in what a client says about itself; comments are none. */
export function urlsIn(text: string): URL[] {
  const said = text.replace(/^\s*#.*$/gm, "");
  const found = said.match(/\bhttps?:\/\/[^\s"'\],|]+/g) ?? [];
  return found.flatMap((each) => (URL.canParse(each) ? [new URL(each)] : []));
}

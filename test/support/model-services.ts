import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.js";

// Of this process alone: another run of the tests may be at it beside us.
export const modelAddress = `127.31.${(process.pid >> 8) & 255}.${process.pid & 255}`;
const services = [
  "api.anthropic.com",
  "api.openai.com",
  "generativelanguage.googleapis.com",
  "q.us-east-1.amazonaws.com",
];
export const modelSecret = `sk-real-${process.pid}-0123456789abcdef`;

/** The services' names lead to this machine, and their certificate is one that this machine's gate trusts. */
export function makeServices(lab: Lab): { readonly key: string; readonly cert: string; readonly path: string } {
  const [key, path] = [join(lab.root, "model.key"), join(lab.root, "model.pem")];
  execFileSync(
    "openssl",
    [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=airlock-test".split(" "),
      ...["-addext", `subjectAltName=${services.map((name) => `DNS:${name}`).join(",")}`, "-keyout", key, "-out", path],
    ],
    { stdio: "ignore" },
  );
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  const network = { hosts: Object.fromEntries(services.map((name) => [name, modelAddress])), allowPrivate: services };
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ network, tools: { deny: ["shell:shred *"] } }));
  return { key: readFileSync(key, "utf8"), cert: readFileSync(path, "utf8"), path };
}

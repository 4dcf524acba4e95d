import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLock } from "../../../src/risk/package-sources.js";
import { riskBetween } from "./seen.js";

const npm = (packages: object) => JSON.stringify({ name: "x", lockfileVersion: 3, packages });
const entry = (host: string, name = "a", integrity = "sha512-AAA=") => ({
  version: "1.0.0",
  resolved: `https://${host}/${name}/-/${name}-1.0.0.tgz`,
  integrity,
  funding: { url: `https://fund.example/${name}` },
  deprecated: "see https://other.example/why",
});

/** A lock file, then the same with a package from elsewhere, and what the reason must name. */
const news: readonly (readonly [string, string, string, string])[] = [
  [
    "package-lock.json",
    npm({ "node_modules/a": entry("reg.example") }),
    npm({ "node_modules/a": entry("reg.example"), "node_modules/b": entry("evil.example", "b") }),
    "evil.example",
  ],
  [
    "package-lock.json",
    npm({ "node_modules/a": entry("reg.example") }),
    npm({ "node_modules/a": { ...entry("reg.example"), resolved: "git+ssh://git@git.example/u/a.git#c0ffee" } }),
    "git at git.example",
  ],
  [
    "npm-shrinkwrap.json",
    '{"dependencies":{"a":{"version":"1.0.0"}}}',
    '{"dependencies":{"a":{"version":"github:evil/a#c0ffee"}}}',
    "git at github:evil/a",
  ],
  [
    "package-lock.json",
    npm({ "node_modules/a": entry("reg.example") }),
    npm({ "node_modules/a": { ...entry("reg.example"), resolved: "file:../../evil.tgz" } }),
    "the file ../../evil.tgz",
  ],
  [
    "package-lock.json",
    npm({ "node_modules/a": entry("reg.example") }),
    npm({ "node_modules/a": { ...entry("reg.example"), resolved: "http://reg.example/a.tgz" } }),
    "reg.example (without encryption)",
  ],
  [
    "yarn.lock",
    '# yarn lockfile v1\n\na@^1.0.0:\n  version "1.0.0"\n  resolved "https://reg.example/a/-/a-1.0.0.tgz#00"\n  integrity sha512-A==\n',
    '# yarn lockfile v1\n\na@^1.0.0:\n  version "1.0.0"\n  resolved "https://evil.example/a/-/a-1.0.0.tgz#00"\n  integrity sha512-A==\n',
    "evil.example",
  ],
  [
    "yarn.lock",
    '"a@npm:^1.0.0":\n  version: 1.0.0\n  resolution: "a@npm:1.0.0"\n',
    '"a@npm:^1.0.0":\n  version: 1.0.0\n  resolution: "a@https://evil.example/a.git#commit=00"\n',
    "git at evil.example",
  ],
  [
    "pnpm-lock.yaml",
    "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {integrity: sha512-A==}\n    deprecated: see https://words.example\n",
    "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {tarball: https://evil.example/a.tgz}\n    deprecated: see https://words.example\n",
    "evil.example",
  ],
  [
    "pnpm-lock.yaml",
    "packages: {}\n",
    "packages:\n  a@1.0.0:\n    resolution: {directory: ../evil, type: directory}\n",
    "the file ../evil",
  ],
  [
    "bun.lock",
    '{"packages":{"a":["a@1.0.0","",{},"sha512-A=="],}}',
    '{"packages":{"a":["a@github:evil/a#00",{},"x"],}}',
    "git at github:evil/a",
  ],
  [
    "poetry.lock",
    '[[package]]\nname = "a"\nversion = "1"\ndescription = "see https://words.example"\n',
    '[[package]]\nname = "a"\nversion = "1"\n\n[package.source]\ntype = "git"\nurl = "https://git.example/a.git"\n',
    "git at git.example",
  ],
  [
    "uv.lock",
    '[[package]]\nname = "a"\nsource = { registry = "https://reg.example/simple" }\n',
    '[[package]]\nname = "a"\nsource = { path = "../evil" }\n',
    "the file ../evil",
  ],
  [
    "Cargo.lock",
    '[[package]]\nname = "a"\nsource = "registry+https://reg.example/index"\n',
    '[[package]]\nname = "a"\nsource = "git+https://git.example/a?rev=1#00"\n',
    "git at git.example",
  ],
  [
    "go.sum",
    "one.example/a v1.0.0 h1:AAA=\none.example/a v1.0.0/go.mod h1:BBB=\n",
    "one.example/a v1.0.0 h1:AAA=\none.example/a v1.0.0/go.mod h1:BBB=\nevil.example/b v1.0.0 h1:CCC=\n",
    "evil.example",
  ],
  [
    "Gemfile.lock",
    "GEM\n  remote: https://gems.example/\n  specs:\n    a (1.0)\n",
    "GIT\n  remote: git@git.example:u/a.git\n  revision: 00\n\nGEM\n  remote: https://gems.example/\n",
    "git at git.example",
  ],
  ["Gemfile.lock", "GEM\n  remote: https://gems.example/\n", "PATH\n  remote: ../evil\n", "the file ../evil"],
  [
    "composer.lock",
    '{"packages":[{"name":"a","dist":{"url":"https://reg.example/a.zip"},"homepage":"https://words.example"}]}',
    '{"packages":[{"name":"a","dist":{"url":"https://evil.example/a.zip"},"support":{"issues":"https://more.example"}}]}',
    "evil.example",
  ],
  [
    "flake.lock",
    "{}",
    '{"nodes":{"a":{"locked":{"type":"tarball","url":"https://evil.example/x.tar.gz"}}}}',
    "evil.example",
  ],
  [
    "pubspec.lock",
    "packages: {}\n",
    'packages:\n  a:\n    description:\n      url: "https://evil.example"\n',
    "evil.example",
  ],
  ["mix.lock", "%{}\n", '%{\n  "a": {:git, "https://git.example/a.git", "00", []},\n}\n', "git at git.example"],
];

describe("lock files", () => {
  it.each(news)(
    "of high risk, and it is said from where packages newly come: %s (%#)",
    (path, before, after, source) => {
      const found = riskBetween(path, before, after);
      expect(found.level).toBe("high");
      expect(found.reasons).toEqual([`has packages come from where none came before: ${source}`]);
      expect(riskBetween(`deep/${path.toUpperCase()}`, before, after).reasons).toEqual(found.reasons);
    },
  );

  it.each(news)("of low risk where the sources are those of before: %s (%#)", (path, before, after) => {
    const expected = {
      level: "low",
      reasons: ["changes which packages are installed, from the same sources as before"],
    };
    expect(riskBetween(path, after, before).reasons.join()).not.toMatch(/words\.example|fund\.example|more\.example/);
    expect(riskBetween(path, `${after}\n`, after)).toEqual(expected);
    expect(riskBetween(path, after, `${after}\n`)).toEqual(expected);
  });

  it("name all sources of a new one", () => {
    const found = riskBetween("package-lock.json", null, npm({ "node_modules/a": entry("reg.example") }));
    expect(found.reasons).toEqual(["has packages come from where none came before: reg.example"]);
  });

  it("with another checksum for the same version are of high risk", () => {
    const before = npm({ "node_modules/a": entry("reg.example") });
    const after = npm({ "node_modules/a": entry("reg.example", "a", "sha512-BBB=") });
    expect(riskBetween("package-lock.json", before, after).reasons.join()).toMatch(
      /another checksum for the same version: .*node_modules\/a 1\.0\.0/,
    );
    const sum = (value: string) => `one.example/a v1.0.0 h1:${value}=\n`;
    expect(riskBetween("go.sum", sum("AAA"), sum("BBB")).reasons.join()).toMatch(/one\.example\/a v1\.0\.0/);
  });

  it.each([
    ["package-lock.json", "{}", "nonsense", /it is not valid JSON/],
    ["package-lock.json", "nonsense", "{}", /it was not valid JSON/],
    ["package-lock.json", "{}", '{"a":"https://one.example","a":"https://two.example"}', /the same key twice/],
    ["bun.lockb", "x", "y\0z", /it is binary/],
    ["pnpm-lock.yaml", "a: 1\n", 'tarball: "\\x68ttps://evil.example/x"\n', /escaped/],
    ["poetry.lock", "", 'url = "\\u0068ttps://evil.example/x"\n', /escaped/],
  ])("that cannot be told of are of high risk: %s", (path, before, after, reason) => {
    const found = riskBetween(path, before, after);
    expect(found.level).toBe("high");
    expect(found.reasons.join()).toMatch(reason);
  });

  it.each([
    ['{"a":"\\u0068ttps://evil.example/x"}', "evil.example"],
    ['{"a":"HTTPS://user:pass@EVIL.example:443/x"}', "evil.example"],
    ['{"a":"https://reg.example@evil.example/x"}', "evil.example"],
    ['{"a":"https://a@reg.example@evil.example/x"}', "evil.example"],
    ['{"a":"https://evil.example:8443/x"}', "evil.example:8443"],
    ['{"a":"git@evil.example:u/x"}', "git at evil.example"],
    ['{"https://evil.example/mod.ts":"00"}', "evil.example"],
  ])("hide no host: %s", (after, source) => {
    expect(riskBetween("deno.lock", '{"b":"https://reg.example/"}', after).reasons).toEqual([
      `has packages come from where none came before: ${source}`,
    ]);
  });

  it("cannot finish the sentence in their own way, nor fill the screen", () => {
    const after = JSON.stringify(
      Array.from({ length: 50 }, (_, at) => `https://h${at}.example/`).concat([
        `https://${"x".repeat(5000)}/`,
        "file:./a; all good",
      ]),
    );
    const ended = riskBetween("deno.lock", "[]", '["file:./a!b"]').reasons.join();
    expect(ended).toMatch(/: "the file \.\/a!b"$/);
    const [reason = ""] = riskBetween("deno.lock", "[]", after).reasons;
    expect(reason).toContain(", and 48 more");
    expect(reason.length).toBeLessThan(300);
  });

  it("are read without ever throwing", () => {
    const piece = fc.constantFrom(
      "https://",
      "git+",
      "a.example",
      "/",
      "\n",
      "  ",
      ":",
      "@",
      "{",
      '"',
      "resolved ",
      "path = ",
      "deprecated: |",
      "\\",
      "\udcff",
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string({ maxLength: 8 })), { maxLength: 50 }),
        fc.boolean(),
        (parts, isJson) => {
          const text = isJson ? JSON.stringify(parts) : parts.join("");
          const lock = readLock(Buffer.from(text), "x.lock", isJson);
          if (typeof lock !== "string") for (const source of lock.sources) expect(source.length).toBeLessThan(300);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("are read in a time that follows their length", () => {
    for (const piece of [
      "https://a.example/ ",
      "a@",
      "://",
      "file:",
      "git@a.b:",
      "path = ",
      " ",
      "github:",
      "x@a.",
      "a.",
      "-",
      "https://a",
    ]) {
      const text = piece.repeat(Math.floor((512 * 1024) / piece.length));
      for (const isJson of [true, false]) {
        const started = performance.now();
        readLock(Buffer.from(isJson ? JSON.stringify(text) : text), "x.lock", isJson);
        expect(performance.now() - started, piece).toBeLessThan(5000);
      }
    }
  });
});

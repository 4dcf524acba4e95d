import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../../src/risk/parse-json.js";
import { parseSettings } from "../../../src/risk/parse-settings.js";
import { parseYaml } from "../../../src/risk/parse-yaml.js";
import { changedKeys, type Parsed, type Tree } from "../../../src/risk/tree.js";
import { riskBetween } from "./seen.js";

const reasonsOf = (path: string, before: string | null, after: string) =>
  riskBetween(path, before, after).reasons.join("\n");

describe("the key that changed is named", () => {
  it.each([
    [
      "package.json",
      '{"name":"x","scripts":{"test":"vitest"}}',
      '{"name":"x","scripts":{"test":"vitest","postinstall":"curl x|sh"}}',
      "changes what npm runs or installs: scripts.postinstall",
    ],
    ["composer.json", '{"scripts":{}}', '{"scripts":{"post-install-cmd":["x"]}}', "scripts.post-install-cmd[0]"],
    [
      ".vscode/tasks.json",
      '{\n// tasks\n"version":"2.0.0","tasks":[{"label":"a","command":"make"},],}',
      '{"version":"2.0.0","tasks":[{"label":"a","command":"make"},{"label":"b","command":"sh x","runOptions":{"runOn":"folderOpen"}}]}',
      "tasks[1].command, tasks[1].runOptions.runOn, tasks[1].label",
    ],
    [".vscode/settings.json", "{}", '{"terminal.integrated.shell.linux": "/tmp/x"}', "terminal.integrated.shell.linux"],
    [
      ".devcontainer/devcontainer.json",
      '{"image":"a"}',
      '{"image":"a","initializeCommand":"sh x"}',
      "initializeCommand",
    ],
    [
      ".mcp.json",
      '{"mcpServers":{"a":{"command":"x","args":["1"]}}}',
      '{"mcpServers":{"a":{"command":"y","args":["1"]}}}',
      "mcpServers.a.command",
    ],
    [
      ".kiro/hooks/x.json",
      '{"then":{"type":"ask"}}',
      '{"then":{"type":"run","command":"rm"}}',
      "then.command, then.type",
    ],
    [
      ".github/workflows/ci.yml",
      "on: push\njobs:\n  build:\n    steps:\n      - uses: a/b@v1\n      - run: make\n      - run: make test\n",
      "on: push\njobs:\n  build:\n    steps:\n      - uses: a/b@v1\n      - run: make\n      - run: curl x | sh\n",
      "runs on a build server, with its secrets: jobs.build.steps[2].run",
    ],
    [
      ".github/workflows/ci.yml",
      "jobs:\n  b:\n    steps:\n      - run: a\n      - run: c\n",
      "jobs:\n  b:\n    steps:\n      - run: a\n      - name: new\n        run: b\n      - run: c\n",
      ": jobs.b.steps[1].run, jobs.b.steps[1].name",
    ],
    [".gitlab-ci.yml", "build:\n  script: [make]\n", "build:\n  script: [make, ./x]\n", "build.script[1]"],
    [
      "docker-compose.yml",
      "services:\n  a:\n    image: x\n",
      "services:\n  a:\n    image: x\n    privileged: true\n",
      "services.a.privileged",
    ],
    [".pre-commit-config.yaml", "repos:\n- repo: a\n  rev: '1'\n", "repos:\n- repo: b\n  rev: '1'\n", "repos[0].repo"],
    [
      "pyproject.toml",
      '[build-system]\nrequires = ["a"]\n',
      '[build-system]\nrequires = ["a", "evil"]\n',
      "build-system.requires",
    ],
    [
      ".cargo/config.toml",
      "",
      '[target.x86_64-unknown-linux-gnu]\nrunner = "sh x"\n',
      "target.x86_64-unknown-linux-gnu.runner",
    ],
    ["Cargo.toml", "[package]\nname='a'\n", "[package]\nname='a'\nbuild = 'x.rs'\n", "package.build"],
    [".git/config", "[core]\n\tbare = false\n", "[core]\n\tbare = false\n\tfsmonitor = ./x\n", "core.fsmonitor"],
    [".git/config", "[core]\n", '[core]\n[filter "x"] clean = sh\n', "filter.x.clean"],
    [".git/config", "", '[alias]\n  st = "!sh x"\n[include]\n path=../x\n', "alias.st, include.path"],
    [".gitmodules", "", '[submodule "lib"]\n\tpath = lib\n\turl = https://evil.example/x\n', "submodule.lib.url"],
    [".npmrc", "save-exact=true\n", "save-exact=true\nscript-shell=./x\n", "script-shell"],
    [".gitattributes", "*.c text\n", "*.c text\n*.md filter=evil\n", "*.md filter"],
    [".editorconfig", "[*]\nindent_size=2\n", "[*]\nindent_size=4\n", "*.indent_size"],
    ["unit.service", "[Service]\nExecStart=/bin/a\n", "[Service]\nExecStart=/bin/b\n", "Service.ExecStart"],
    [".env", "A=1\n", "A=1\nNODE_OPTIONS=--require=./x\n", "NODE_OPTIONS"],
    ["package.json", '{"scripts":{"a":"x"}}', "{}", "scripts.a (removed)"],
    ["x.code-workspace", '{"settings":{}}', '{"settings":{"git.path":"./x"}}', "settings.git.path"],
    ["tsconfig.json", "{}", '{"compilerOptions":{"plugins":[{"name":"./x"}]}}', "compilerOptions.plugins[0].name"],
  ])("%s", (path, before, after, expected) => {
    const { level } = riskBetween(path, before, after);
    expect(level).toBe("high");
    expect(reasonsOf(path, before, after)).toContain(expected);
  });

  it("in new files too, those that something runs", () => {
    expect(reasonsOf(".mcp.json", null, '{"mcpServers":{"x":{"command":"sh","type":"stdio"}},"note":"y"}')).toBe(
      "gives an AI agent on the host tools, hooks or permissions: mcpServers.x.command, mcpServers.x.type",
    );
    expect(reasonsOf("package.json", null, '{"name":"x","scripts":{"postinstall":"y"}}')).toContain(
      ": scripts.postinstall",
    );
    expect(reasonsOf("package.json", null, '{"name":"x"}')).toBe("changes what npm runs or installs");
  });

  it("before a hundred others that are there to hide it, which are counted", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`a${at}`, 1]));
    const text = reasonsOf("package.json", "{}", JSON.stringify({ ...many, scripts: { postinstall: "x" } }));
    expect(text).toContain(": scripts.postinstall, a0, a1, a2, a3, a4, and 95 more");
  });

  it("without letting it finish the sentence or fill the screen", () => {
    const after = JSON.stringify({ "x, and nothing else\n": 1, ["y".repeat(100_000)]: 2 });
    const text = reasonsOf("package.json", "{}", after);
    expect(text).toContain('"x, and nothing else\\n"');
    expect(text.length).toBeLessThan(200);
  });
});

describe("what nothing acts on", () => {
  const before = JSON.stringify({ name: "x", version: "1.0.0", scripts: { test: "vitest" }, dependencies: { a: "1" } });
  const manifest = (change: object) => JSON.stringify({ ...JSON.parse(before), ...change });

  it.each([
    [{ version: "1.0.1" }],
    [{ description: "words", keywords: ["a"], license: "MIT" }],
    [{ author: { name: "b" } }],
  ])("is of no risk in a package.json: %j", (change) => {
    expect(riskBetween("package.json", before, manifest(change))).toEqual({ level: "none", reasons: [] });
    expect(riskBetween("deep/PACKAGE.json", before, manifest(change)).level).toBe("none");
  });

  it("is the order of keys, and space", () => {
    const sorted = '{ "version": "1.0.0", "dependencies": {"a": "1"},\n"scripts": {"test": "vitest"}, "name": "x" }';
    expect(riskBetween("package.json", before, sorted)).toEqual({ level: "none", reasons: [] });
  });

  it.each([
    [{ bin: "x.js" }, "bin"],
    [{ workspaces: ["*"] }, "workspaces"],
    [{ dependencies: { a: "2" } }, "dependencies.a"],
    [{ devDependencies: { evil: "1" } }, "devDependencies.evil"],
    [{ main: "evil.js" }, "main"],
    [{ packageManager: "pnpm@9" }, "packageManager"],
    [{ "lint-staged": {} }, "lint-staged"],
    [{ overrides: {} }, "overrides"],
    [{ unheardOf: 1 }, "unheardOf"],
    [{ names: 1 }, "names"],
  ])("is not this: %j", (change, key) => {
    const found = riskBetween("package.json", before, manifest(change));
    expect(found.level).toBe("high");
    expect(found.reasons.join()).toContain(key);
  });

  it.each([
    [
      "pyproject.toml",
      '[project]\nversion = "1"\n',
      '[project]\nversion = "2"\ndescription = """\n[build-system]\n"""\n',
    ],
    ["Cargo.toml", '[package]\nversion = "1"\n', '[package]\nversion = "2"\n'],
    ["composer.json", '{"version":"1"}', '{"version":"2","support":{"issues":"x"}}'],
  ])("is of no risk in %s either", (path, old, now) => {
    expect(riskBetween(path, old, now)).toEqual({ level: "none", reasons: [] });
  });

  it("is of low risk where only some keys matter", () => {
    expect(
      riskBetween("tsconfig.json", '{"compilerOptions":{"strict":false}}', '{"compilerOptions":{"strict":true}}'),
    ).toEqual({
      level: "low",
      reasons: ["is obeyed by the compiler and by editors, which load plugins from it: compilerOptions.strict"],
    });
  });

  it("is said where only the layout of a file that runs changed", () => {
    const text = reasonsOf(".github/workflows/ci.yml", "on: push # a\n", "on: push # b\n");
    expect(text).toBe("runs on a build server, with its secrets: no value, only how it is written");
    expect(riskBetween(".github/workflows/ci.yml", "on: push # a\n", "on: push # b\n").level).toBe("high");
  });
});

describe("what cannot be compared says so and stays of high risk", () => {
  it.each([
    ["package.json", "{}", "not json", /it is not valid JSON/],
    ["package.json", "{}", '{"a":', /it is not valid JSON/],
    ["package.json", "{", "{}", /it was not valid JSON/],
    ["package.json", "{}", '{"scripts":{"a":"evil"},"scripts":{}}', /it has the same key twice/],
    ["package.json", "{}", '{"scripts":{"a":1,"\\u0061":2}}', /it has the same key twice/],
    ["package.json", "{}", `${"[".repeat(5000)}${"]".repeat(5000)}`, /nested too deeply/],
    [".mcp.json", "{}", `[${"1,".repeat(250_000)}1]`, /too many values/],
    [".gitlab-ci.yml", "a: 1", "a: [", /it is not valid YAML/],
    [".gitlab-ci.yml", "a: 1", "a: 1\na: 2\n", /it has the same key twice/],
    [".gitlab-ci.yml", "a: 1", `a: ${"x".repeat(300_000)}`, /it is too large to be compared/],
    [
      ".gitlab-ci.yml",
      "a: 1",
      Array.from({ length: 150 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"),
      /it is nested too deeply/,
    ],
    [".gitlab-ci.yml", "a: 1", "[".repeat(20_000), /it (?:is not valid YAML|is nested too deeply)/],
    [".gitlab-ci.yml", "a: 1", `${"- ".repeat(20_000)}x`, /it (?:is not valid YAML|is nested too deeply)/],
  ])("%s", (path, before, after, reason) => {
    const found = riskBetween(path, before, after);
    expect(found.level).toBe("high");
    expect(found.reasons.join("\n")).toMatch(reason);
  });

  it("when it is not UTF-8, was not read whole, or is one of too many", () => {
    const file = { type: "file", mode: 0o644, size: 9 } as const;
    const bytes = Buffer.from("{}");
    const found = (contents: object) =>
      riskBetween("package.json", "{}", "{}", { before: file, after: file, contents }).reasons.join();
    expect(found({ before: { bytes }, after: { bytes: Buffer.from([0xff]) } })).toContain("it is not UTF-8");
    expect(found({ before: { bytes }, after: { bytes, cut: "is too large to be read whole" } })).toContain(
      "cannot be told: it is too large",
    );
    expect(found({ after: { bytes } })).toContain("it could not be read");
    expect(found({})).toContain("it cannot be read");
    expect(found({ before: { bytes }, after: { bytes }, uncompared: "is one of too many" })).toContain(
      "one of too many",
    );
    expect(riskBetween(".gitlab-ci.yml", "a: 1", "a: 2", { parseYaml: undefined }).reasons.join()).toContain(
      "cannot be told",
    );
  });
});

describe("YAML", () => {
  it("is compared with its aliases unresolved: a bomb does not go off", () => {
    const layers = Array.from(
      { length: 30 },
      (_, at) => `l${at + 1}: &l${at + 1} [${Array(9).fill(`*l${at}`).join(", ")}]`,
    );
    const bomb = (word: string) => [`l0: &l0 [${word}]`, ...layers].join("\n");
    const started = performance.now();
    expect(reasonsOf(".gitlab-ci.yml", bomb("lol"), bomb("lal"))).toContain(": l0[0]");
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("that was made to be slow takes seconds at the very most", () => {
    const made = [
      Array.from({ length: 30_000 }, (_, at) => `k${at}: 1`).join("\n"),
      "a: &a\n".repeat(30_000),
      `[${"{a: ".repeat(10_000)}`,
      `x: "${"\\x41".repeat(60_000)}"`,
      `${"? ".repeat(60_000)}x`,
      "- - - - - - - -\n".repeat(15_000),
      `${"#\n".repeat(100_000)}a: 1`,
      `a: >\n${" x\n".repeat(80_000)}`,
      `${"&a ".repeat(80_000)}x`,
      `${"!a ".repeat(80_000)}x`,
      "---\n".repeat(60_000),
    ];
    for (const text of made) {
      const started = performance.now();
      parseYaml(text.slice(0, 64 * 1024));
      expect(performance.now() - started, text.slice(0, 20)).toBeLessThan(5000);
    }
  });

  it("keeps tags, quotes and several documents apart", () => {
    const keys = (before: string, after: string) => reasonsOf(".gitlab-ci.yml", before, after);
    expect(keys("a: x\n", "a: !!python/object x\n")).toContain(": a");
    expect(keys("a: 1\n", 'a: "1"\n')).toContain(": a");
    expect(keys("a: 1\n---\nb: 1\n", "a: 1\n---\nb: 2\n")).toContain(": [1].b");
    expect(keys("x: &x 1\na: *x\n", "x: &x 1\na: 1\n")).toContain(": a");
    expect(keys("a: 1\n", "a: 1\n<<: *b\n")).toMatch(/<<|not valid YAML/);
  });
});

describe("settings by lines", () => {
  const treeOf = (parsed: Parsed) =>
    "tree" in parsed ? Object.fromEntries(parsed.tree as ReadonlyMap<string, Tree>) : parsed;

  it("are read as TOML has them", () => {
    const text = [
      'top = "#no comment" # a comment',
      "[a.'b']",
      "list = [ # first",
      '  "x]", # second',
      "  1,",
      "]",
      'text = """',
      "[not.a.section]",
      "key = 1",
      '"""',
      "raw = '''\n[[x]]\n'''",
      'inline = { a = "}" , b = 2 }',
      "[[bin]]",
      'name = "one"',
      "[[bin]]",
      'name = "two"',
    ].join("\n");
    expect(Object.keys(treeOf(parseSettings(text, "toml")))).toEqual([
      "top",
      "a.b.list",
      "a.b.text",
      "a.b.raw",
      "a.b.inline",
      "bin[0].name",
      "bin[1].name",
    ]);
  });

  it("are read as git has them", () => {
    const text = '[core]\n a = 1 ; x\n#c\n[filter "l f"] clean = "sh \\\n x"\n\tsmudge\n[core]\na=2\n';
    expect(treeOf(parseSettings(text, "ini"))).toEqual({
      "core.a": ["1 ; x", "2"],
      "filter.l f.clean": '"sh   x"',
      "filter.l f.smudge": "",
    });
  });
});

describe("parsers", () => {
  const pieces = fc.constantFrom(
    ..."[ ] { } : , \" ' # ; = \\ / * & ! | > - ? % @ \n \t a b 1 \"\"\" ''' // /* */ --- ... <<: true null \u00e9 \ud800 \ufeff [[".split(
      " ",
    ),
    " ",
    "\n",
    "  ",
  );
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.json({ maxDepth: 4 }),
  );

  it("never throw, and give each text a tree or a problem", () => {
    fc.assert(
      fc.property(text, (each) => {
        for (const parsed of [
          parseJson(each),
          parseYaml(each),
          parseSettings(each, "toml"),
          parseSettings(each, "ini"),
          parseSettings(each, "attributes"),
        ]) {
          expect("tree" in parsed ? 1 : parsed.problem.length).toBeGreaterThan(0);
          if ("tree" in parsed) expect(changedKeys(parsed.tree, parsed.tree)).toEqual([]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("read JSON as JSON.parse does", () => {
    const plain = (tree: Tree): unknown => {
      if (typeof tree === "string") return JSON.parse(tree);
      if (tree instanceof Map) return Object.fromEntries([...tree].map(([key, value]) => [key, plain(value)]));
      return (tree as readonly Tree[]).map(plain);
    };
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (each) => {
        const parsed = parseJson(each);
        if (!("tree" in parsed)) throw new Error(parsed.problem);
        expect(JSON.stringify(plain(parsed.tree))).toBe(JSON.stringify(JSON.parse(each)));
      }),
    );
  });

  it("name a key wherever two values differ, and none where they do not", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.json({ maxDepth: 3 }), (left, right) => {
        const [before, after] = [parseJson(left), parseJson(right)];
        if (!("tree" in before && "tree" in after)) throw new Error("unreadable");
        const sorted = (value: unknown): unknown =>
          typeof value !== "object" || value === null || Array.isArray(value)
            ? Array.isArray(value)
              ? value.map(sorted)
              : value
            : Object.fromEntries(
                Object.entries(value)
                  .sort(([a], [b]) => (a < b ? -1 : 1))
                  .map(([key, each]) => [key, sorted(each)]),
              );
        const same = JSON.stringify(sorted(JSON.parse(left))) === JSON.stringify(sorted(JSON.parse(right)));
        expect(changedKeys(before.tree, after.tree).length === 0).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it("take a time that follows the text, whatever it holds", () => {
    const large = 256 * 1024;
    for (const piece of [
      '"',
      "[",
      "{",
      '{"a":',
      "/*",
      "//",
      '\\"',
      "[a]\n",
      "a=\n",
      '"""',
      "'''",
      " ",
      '["',
      "a\\\n",
      "\n ",
      "=",
      '[a "',
      "#",
      "&a ",
    ]) {
      for (const read of [
        parseJson,
        (each: string) => parseSettings(each, "toml"),
        (each: string) => parseSettings(each, "ini"),
        (each: string) => parseSettings(each, "attributes"),
      ]) {
        const started = performance.now();
        read(piece.repeat(large / piece.length));
        expect(performance.now() - started, piece).toBeLessThan(5000);
      }
    }
  });
});

// Bundles the CLI into one file whose modules are evaluated when they are first imported, and compiles it: so that starting costs
// only what is used.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import nodeModule from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

// The folders whose content makes the sandbox image: their hash is in its tag, so CLI and image cannot disagree.
const imageFolders = ["images/sandbox", "init", "hatch", "toolserver", "keeper"];

function listFiles(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.name !== "__pycache__")
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? listFiles(join(folder, entry.name)) : [join(folder, entry.name)]));
}

function imageHash() {
  const hash = createHash("sha256");
  for (const file of imageFolders.flatMap(listFiles)) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 12);
}

// dockerode loads these at import for transports and builds that Airlock does not use (its connections are its own, see
// src/engine/transport.ts; its builds are the classic ones): 145 ms of every start. What touches them fails loudly.
const unused = /^(@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|docker-modem|tar-fs|@balena\/dockerignore)$/;
const stubUnused = {
  name: "stub-unused",
  setup(bundler) {
    // commander starts no program of ours; it would take 2 ms to load what it could start one with.
    bundler.onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      importer.includes("/node_modules/commander/") ? { path, namespace: "unused" } : undefined,
    );
    bundler.onResolve({ filter: unused }, ({ path }) => ({ path, namespace: "unused" }));
    bundler.onLoad({ filter: /.*/, namespace: "unused" }, ({ path }) => ({
      contents: `
        const refuse = () => { throw new Error(${JSON.stringify(path)} + " is not bundled"); };
        const stub = new Proxy(function () {}, { get: (_, key) => (key === "prototype" ? {} : stub), apply: refuse, construct: refuse });
        module.exports = stub;`,
    }));
  },
};

// zod carries its messages in 40 languages into every chunk that uses it; ours are English.
const englishOnly = {
  name: "english-only",
  setup(bundler) {
    bundler.onResolve({ filter: /\/locales\/index\.js$/ }, ({ resolveDir }) =>
      resolveDir.includes("node_modules/zod")
        ? { path: join(root, "node_modules/zod/v4/locales/en.js"), namespace: "english" }
        : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: "english" }, ({ path }) => ({
      contents: `export { default as en } from ${JSON.stringify(path)};`,
      resolveDir: join(root, "node_modules"),
    }));
  },
};

// Large and rarely needed: each is a file of its own, so that no start reads it. The whole of zod would also take its small
// sister (`zod/mini`, which every start needs) along. By the name of the file: what is bundled into it, and every way it is imported.
const apart = {
  "aws-sdk": { entry: "./src/credentials/aws-sdk.ts", imports: /^\.{1,2}\/aws-sdk\.js$/ },
  dockerode: { entry: "dockerode" },
  "jsonc-parser": { entry: "jsonc-parser/lib/esm/main.js", imports: /^jsonc-parser$/ },
  "mcp-sdk": { entry: "./src/mcp/sdk.ts", imports: /^\.{1,2}\/sdk\.js$/ },
  "syntax-languages": { entry: "./src/cli/render/syntax-languages.js", imports: /\/syntax-languages\.js$/ },
  "smol-toml": { entry: "smol-toml" },
  "xterm-headless": { entry: "@xterm/headless", imports: /^@xterm\/headless$/ },
  "web-tree-sitter": {
    entry: "./node_modules/web-tree-sitter/web-tree-sitter.cjs",
    imports: /^web-tree-sitter$/,
  },
  yaml: { entry: "yaml" },
  zod: { entry: "zod", imports: /^zod(\/v4)?$/ },
};
const keepApart = {
  name: "keep-apart",
  setup(bundler) {
    for (const [name, { entry, imports = new RegExp(`^${entry}$`) }] of Object.entries(apart)) {
      bundler.onResolve({ filter: imports }, ({ kind }) =>
        kind === "entry-point" ? undefined : { path: `./${name}.cjs`, external: true },
      );
    }
  },
};

function writeNotices(metafile) {
  const packages = new Set(
    Object.keys(metafile.inputs)
      .map((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
      .filter(Boolean),
  );
  packages.add("tree-sitter-bash");
  // Many packages have the same licence, word for word: it stands there once, below all their names.
  const [byLicence, texts] = [new Map(), new Map()];
  for (const name of [...packages].sort()) {
    const folder = join(root, "node_modules", name);
    const { version: packageVersion, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : "";
    // What has none of its own is told by the name of the licence.
    const key = text === "" ? license : text;
    byLicence.set(key, [...(byLicence.get(key) ?? []), `${name} ${packageVersion} (${license})`]);
    texts.set(key, text);
  }
  const notices = [...byLicence].map(([key, names]) => `${names.join("\n")}\n\n${texts.get(key)}\n`);
  writeFileSync(
    join(root, fresh, "NOTICES.txt"),
    `Bundled with Airlock:\n\n${notices.join(`\n${"-".repeat(72)}\n\n`)}`,
  );
}

// What a run begins with, and what it loads while it waits: the rest would only make every start longer.
const runEntries = [
  "src/bin.ts",
  "src/cli/program.ts",
  "src/cli/commands/run.ts",
  "src/cli/commands/diff.ts",
  "src/engine/answers.ts",
  "src/session/record-schema.ts",
  "src/wall/prove.ts",
  "src/workspace/keeper-client.ts",
  "src/workspace/resident-keeper.ts",
];

function modulesOfRun({ inputs }) {
  const found = new Set();
  const add = (path) => {
    if (found.has(path)) return;
    if (inputs[path] === undefined) throw new Error(`a run does not begin with ${path} any more`);
    found.add(path);
    for (const { path: needed, kind, external } of inputs[path].imports) {
      if (kind !== "dynamic-import" && external !== true && inputs[needed] !== undefined) add(needed);
    }
  };
  runEntries.forEach(add);
  return found;
}

// V8 compiles a function when it is called, or all of them at once; but it must know each function where a breakpoint may be.
function compileModules(script, source, modules) {
  const session = new Session();
  session.connect();
  const ask = (method, params) =>
    session.post(method, params, (error) => {
      if (error) throw new Error(`${method}: ${error.message}`);
    });
  let scriptId;
  session.on("Debugger.scriptParsed", ({ params }) => {
    if (params.url === pathToFileURL(script.name).href) scriptId = params.scriptId;
  });
  ask("Debugger.enable");
  // Only now does V8 tell of it; what it gives is the wrapper, which is not called.
  script.compiled.runInThisContext();
  const lines = source.split("\n");
  // esbuild begins each module with its path.
  const starts = lines.flatMap((line, index) => (/^\/\/ [^ ]+$/.test(line) ? [index] : []));
  starts.forEach((lineNumber, index) => {
    if (!modules.has(lines[lineNumber].slice(3))) return;
    const end = { scriptId, lineNumber: starts[index + 1] ?? lines.length - 1, columnNumber: 0 };
    ask("Debugger.getPossibleBreakpoints", { start: { scriptId, lineNumber, columnNumber: 0 }, end });
  });
  session.disconnect();
}

/** bin/airlock says what for. `warm` has V8 compile what shall be kept. */
async function writeCompiled(name, warm) {
  const path = join(root, fresh, name);
  // Read byte by byte, which is quickest: what esbuild leaves of other characters stands in regular expressions and comments.
  const source = readFileSync(path, "utf8").replace(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  writeFileSync(path, source);
  setFlagsFromString("--no-flush-bytecode");
  const wrapped = nodeModule.wrap(source);
  const filename = join(root, "dist", name);
  const compiled = new Script(wrapped, { filename });
  await warm({ name: filename, compiled }, wrapped);
  // V8 takes compiled code only under the flags that it was written with.
  setFlagsFromString("--flush-bytecode");
  writeFileSync(`${path}.${process.version}-${process.arch}`, compiled.createCachedData());
}

/** Loads a part as bin/airlock does: what that calls is compiled then. */
async function runPart({ name, compiled }) {
  const part = { exports: {} };
  const load = nodeModule.createRequire(join(root, fresh, basename(name)));
  compiled.runInThisContext().call(part.exports, part.exports, load, part, name, join(root, "dist"));
  // Signing and writing a request is what every start with AWS waits for.
  if (basename(name) === "aws-sdk.cjs") await asksNobody(part.exports);
}

async function asksNobody(sdk) {
  const requestHandler = { handle: () => Promise.reject(new Error("nobody is asked")) };
  const credentials = { accessKeyId: "none", secretAccessKey: "none" };
  const client = { region: "us-east-1", credentials, requestHandler, maxAttempts: 1 };
  await new sdk.STSClient(client).send(new sdk.GetCallerIdentityCommand({})).catch(() => undefined);
  await new sdk.IAMClient(client).send(new sdk.ListAccountAliasesCommand({})).catch(() => undefined);
}

// Built beside and put in place at the end: whoever starts meanwhile finds a whole program.
const fresh = `dist.${process.pid}`;
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    airlock: "src/bin.ts",
    ...Object.fromEntries(Object.entries(apart).map(([name, { entry }]) => [name, entry])),
  },
  outdir: fresh,
  bundle: true,
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  platform: "node",
  target: "node20",
  metafile: true,
  legalComments: "none",
  // Node can load nothing by itself from a program that it was handed compiled.
  supported: { "dynamic-import": false },
  define: {
    AIRLOCK_VERSION: JSON.stringify(version),
    AIRLOCK_IMAGE_HASH: JSON.stringify(imageHash()),
    // AWS's SDK says on everybody's terminal which Node it wants next year.
    "process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": '"true"',
    "import.meta.url": "programUrl",
  },
  banner: { js: 'const programUrl = require("node:url").pathToFileURL(__filename).href;' },
  plugins: [keepApart, stubUnused, englishOnly],
});
writeFileSync(join(root, fresh, "meta.json"), JSON.stringify(metafile).replaceAll(`${fresh}/`, "dist/"));
// The review's page, and that of the player in it. A browser gets these files and nothing else.
const page = await build({
  absWorkingDir: root,
  entryPoints: ["web/review.ts", "web/player.ts", "web/player.css"],
  outdir: join(fresh, "web"),
  bundle: true,
  format: "iife",
  platform: "browser",
  target: "es2022",
  legalComments: "none",
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true,
});
if (page.warnings.length > 0) throw new Error("the page is not built cleanly");
for (const name of ["review.html", "review.css", "player.html"])
  copyFileSync(join(root, "web", name), join(root, fresh, "web", name));
// The shell's grammar, and what runs it.
for (const file of ["web-tree-sitter/web-tree-sitter.wasm", "tree-sitter-bash/tree-sitter-bash.wasm"])
  copyFileSync(join(root, "node_modules", file), join(root, fresh, basename(file)));
writeNotices({ inputs: { ...metafile.inputs, ...page.metafile.inputs } });
await writeCompiled("airlock.cjs", (script, source) => compileModules(script, source, modulesOfRun(metafile)));
for (const name of ["aws-sdk", "mcp-sdk", "yaml", "zod"]) await writeCompiled(`${name}.cjs`, runPart);
rmSync(join(root, "dist.old"), { recursive: true, force: true });
if (existsSync(join(root, "dist"))) renameSync(join(root, "dist"), join(root, "dist.old"));
renameSync(join(root, fresh), join(root, "dist"));
rmSync(join(root, "dist.old"), { recursive: true, force: true });

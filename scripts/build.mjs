// Bundles the CLI: one chunk for each lazily loaded command, so that starting costs only what is used.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

// The folders whose content makes the sandbox image: their hash is in its tag, so CLI and image cannot disagree.
const imageFolders = ["images/sandbox", "init", "hatch", "keeper"];

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

// The whole of zod is for what is rarely read, `zod/mini` for what every start reads. Bundled from the same files, the second
// would bring in all of the first.
const zodApart = {
  name: "zod-apart",
  setup(bundler) {
    const resolveApart = async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === "again") return undefined;
      const found = await bundler.resolve(path, { resolveDir, kind, pluginData: "again" });
      return found.namespace === "file" ? { ...found, namespace: "zod-apart" } : found;
    };
    bundler.onResolve({ filter: /^zod$/ }, resolveApart);
    bundler.onResolve({ filter: /^\./, namespace: "zod-apart" }, resolveApart);
    bundler.onLoad({ filter: /.*/, namespace: "zod-apart" }, ({ path }) => ({
      contents: readFileSync(path, "utf8"),
      resolveDir: dirname(path),
    }));
  },
};

function writeNotices(metafile) {
  const packages = new Set(
    Object.keys(metafile.inputs)
      .map((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
      .filter(Boolean),
  );
  const notices = [...packages].sort().map((name) => {
    const folder = join(root, "node_modules", name);
    const { version: packageVersion, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    return `${name} ${packageVersion} (${license})\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : ""}\n`;
  });
  writeFileSync(
    join(root, fresh, "NOTICES.txt"),
    `Bundled with Airlock:\n\n${notices.join(`\n${"-".repeat(72)}\n\n`)}`,
  );
}

// Built beside and put in place at the end: a running airlock loads its commands from there when they are called.
const fresh = `dist.${process.pid}`;
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { airlock: "src/bin.ts" },
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  metafile: true,
  legalComments: "none",
  define: { AIRLOCK_VERSION: JSON.stringify(version), AIRLOCK_IMAGE_HASH: JSON.stringify(imageHash()) },
  banner: { js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);' },
  plugins: [stubUnused, englishOnly, zodApart],
});
writeFileSync(join(root, fresh, "meta.json"), JSON.stringify(metafile).replaceAll(`${fresh}/`, "dist/"));
writeNotices(metafile);
rmSync(join(root, "dist.old"), { recursive: true, force: true });
if (existsSync(join(root, "dist"))) renameSync(join(root, "dist"), join(root, "dist.old"));
renameSync(join(root, fresh), join(root, "dist"));
rmSync(join(root, "dist.old"), { recursive: true, force: true });

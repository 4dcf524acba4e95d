/** How a content is read to tell what changed in it. `lines`: by its lines alone, as nothing else is known of it. */
export type ContentFormat = "json" | "yaml" | "toml" | "ini" | "attributes" | "lines";

const byName: ReadonlyMap<string, ContentFormat> = new Map(
  Object.entries({
    json: `.babelrc .swcrc .bowerrc .lintstagedrc .huskyrc .renovaterc composer.lock pipfile.lock flake.lock deno.lock bun.lock
      package.resolved .nycrc .c8rc .taprc .stylelintrc .eslintrc .markdownlintrc`,
    yaml: ".clang-format .clang-tidy .clangd .yamllint chart.lock pubspec.lock",
    toml: "pipfile cargo.lock poetry.lock uv.lock pdm.lock .cargo/config rust-toolchain",
    ini: `.gitconfig .gitmodules .lfsconfig .npmrc .yarnrc .editorconfig .flake8 .pylintrc pylintrc .coveragerc .pypirc
      .git/config .bazelrc .buckconfig .curlrc .wgetrc .env .flaskenv .git/config.worktree`,
    attributes: ".gitattributes info/attributes",
    lines:
      "yarn.lock pnpm-lock.yaml gemfile.lock go.sum go.work.sum go.mod go.work mix.lock podfile.lock conda-lock.yml pixi.lock",
  }).flatMap(([format, names]) =>
    names.split(/\s+/).map((name): [string, ContentFormat] => [name, format as ContentFormat]),
  ),
);

const byEnding: ReadonlyMap<string, ContentFormat> = new Map([
  ["json", "json"],
  ["jsonc", "json"],
  ["code-workspace", "json"],
  ["sublime-project", "json"],
  ["yml", "yaml"],
  ["yaml", "yaml"],
  ["toml", "toml"],
  ["ini", "ini"],
  ["cfg", "ini"],
  ["conf", "ini"],
  ["properties", "ini"],
  ["desktop", "ini"],
  ["service", "ini"],
  ["timer", "ini"],
  ["socket", "ini"],
]);

/** How to read a file of the catalogue, by its canonical names; null when it has no structure that is known here. */
export function contentFormatOf(names: readonly string[]): ContentFormat | null {
  const name = names.at(-1) ?? "";
  const found = byName.get(name) ?? byName.get(names.slice(-2).join("/"));
  if (found !== undefined) return found;
  if (name === "config" && names.includes(".git")) return "ini";
  if (/^\.env\./.test(name)) return "ini";
  return byEnding.get(name.slice(name.lastIndexOf(".") + 1)) ?? null;
}

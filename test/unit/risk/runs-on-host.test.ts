import { describe, expect, it } from "vitest";
import type { ChangeKind, EntryState } from "../../../src/model/change.js";
import { assessRisk } from "../../../src/risk/assess.js";

const file: EntryState = { type: "file", mode: 0o644, size: 10 };

function riskOf(path: string, kind: ChangeKind = "modified") {
  const before = kind === "added" ? null : file;
  const after = kind === "deleted" ? null : file;
  return assessRisk({ path, kind, before, after });
}

/** Paths by the reason that a person must read. All of case 62 of the threats, and what belongs to the same class. */
const dangerous: readonly [RegExp, readonly string[]][] = [
  [
    /git's own data/,
    [
      ".git/config",
      ".git/hooks/pre-commit",
      ".git/info/attributes",
      ".git/objects/info/alternates",
      ".git/index",
      ".git/refs/heads/main",
      ".git/modules/lib/config",
      ".git",
      "vendor/lib/.git/config",
      "vendor/lib/.git",
    ],
  ],
  [
    /tells git/,
    [".gitmodules", ".gitattributes", "deep/down/.gitattributes", ".gitconfig", ".lfsconfig", ".githooks/pre-push"],
  ],
  [
    /git hook/,
    [
      ".pre-commit-config.yaml",
      "lefthook.yml",
      ".husky/pre-commit",
      ".husky/_/husky.sh",
      "packages/a/.husky/pre-push",
      ".lintstagedrc",
      ".lintstagedrc.json",
      "lint-staged.config.js",
      ".huskyrc.json",
      "commitlint.config.js",
    ],
  ],
  [
    /build server/,
    [
      ".github/workflows/ci.yml",
      ".github/workflows/deep/ci.yaml",
      ".github/actions/own/action.yml",
      ".github/dependabot.yml",
      ".github/CODEOWNERS",
      ".gitlab-ci.yml",
      ".circleci/config.yml",
      ".travis.yml",
      "Jenkinsfile",
      "azure-pipelines.yml",
      "bitbucket-pipelines.yml",
      ".drone.yml",
      ".buildkite/pipeline.yml",
      "cloudbuild.yaml",
      "buildspec.yml",
      "netlify.toml",
      "vercel.json",
      "renovate.json",
      "Procfile",
    ],
  ],
  [
    /editor/,
    [
      ".vscode/tasks.json",
      ".vscode/settings.json",
      ".vscode/launch.json",
      ".vscode/extensions.json",
      ".idea/workspace.xml",
      ".idea/runConfigurations/x.xml",
      ".devcontainer/devcontainer.json",
      ".devcontainer/Dockerfile",
      ".devcontainer.json",
      ".zed/tasks.json",
      ".fleet/run.json",
      "my.code-workspace",
      "app.iml",
      ".exrc",
      ".vimrc",
      ".nvim.lua",
      ".dir-locals.el",
      "project.sublime-project",
      ".editorconfig",
      ".gdbinit",
    ],
  ],
  [
    /AI agent/,
    [
      ".claude/settings.json",
      ".claude/commands/x.md",
      ".claude/settings.local.json",
      ".mcp.json",
      "mcp.json",
      ".cursor/mcp.json",
      ".cursor/rules/x.mdc",
      ".cursorrules",
      ".gemini/settings.json",
      ".codex/config.toml",
      ".kiro/steering/product.md",
      ".kiro/settings/mcp.json",
      ".amazonq/mcp.json",
      ".aider.conf.yml",
      ".continue/config.json",
      ".windsurfrules",
      ".clinerules",
      ".clinerules/x.md",
      "AGENTS.md",
      "packages/a/AGENTS.md",
      "CLAUDE.md",
      "CLAUDE.local.md",
      "GEMINI.md",
      "opencode.json",
      ".opencode/plugin/x.ts",
      "skills/x/SKILL.md",
      ".goosehints",
      "airlock.yaml",
    ],
  ],
  [
    /shell/,
    [
      ".envrc",
      ".env",
      ".env.local",
      ".env.production",
      "apps/web/.env",
      ".bashrc",
      ".bash_profile",
      ".profile",
      ".zshrc",
      ".zshenv",
      ".config/fish/config.fish",
      "functions/x.fish",
      ".inputrc",
      ".tmux.conf",
      ".direnv/bin/x",
      ".tool-versions",
      "mise.toml",
      ".mise.toml",
      ".python-version",
      ".nvmrc",
      ".node-version",
      ".ruby-version",
      ".ssh/config",
      ".ssh/authorized_keys",
      ".aws/config",
      ".kube/config",
      ".docker/config.json",
      "flake.nix",
      "shell.nix",
      "devbox.json",
      ".netrc",
      ".curlrc",
    ],
  ],
  [
    /desktop or by the system/,
    [
      "tool.desktop",
      ".config/autostart/x",
      "unit.service",
      "job.timer",
      "x.plist",
      "x.lnk",
      "x.url",
      "run.command",
      "crontab",
      "autorun.inf",
      "desktop.ini",
      "Library/LaunchAgents/x",
    ],
  ],
  [
    /when the project is built/,
    [
      "Makefile",
      "GNUmakefile",
      "makefile",
      "sub/Makefile",
      "Makefile.am",
      "rules.mk",
      "justfile",
      "Justfile",
      ".justfile",
      "Taskfile.yml",
      "Rakefile",
      "Gemfile",
      "CMakeLists.txt",
      "CMakePresets.json",
      "cmake/find.cmake",
      "configure",
      "meson.build",
      "BUILD",
      "BUILD.bazel",
      "WORKSPACE",
      ".bazelrc",
      "build.rs",
      "crates/x/build.rs",
      ".cargo/config.toml",
      "gradlew",
      "gradlew.bat",
      "gradle/wrapper/gradle-wrapper.jar",
      "gradle/wrapper/gradle-wrapper.properties",
      "build.gradle",
      "settings.gradle.kts",
      "gradle.properties",
      ".mvn/wrapper/maven-wrapper.properties",
      "mvnw",
      "pom.xml",
      "build.sbt",
      "Dockerfile",
      "Dockerfile.dev",
      "docker/api.dockerfile",
      "docker-compose.yml",
      "docker-compose.override.yml",
      "compose.yaml",
      "Vagrantfile",
      "Tiltfile",
      "Gruntfile.js",
      "gulpfile.js",
      "noxfile.py",
      "App.csproj",
      "turbo.json",
      "nx.json",
    ],
  ],
  [
    /package manager/,
    [
      ".npmrc",
      "packages/a/.npmrc",
      ".yarnrc.yml",
      ".yarnrc",
      ".yarn/releases/yarn-4.cjs",
      ".yarn/plugins/x.cjs",
      ".pnpmfile.cjs",
      "pnpm-workspace.yaml",
      "bunfig.toml",
      "deno.json",
      "setup.py",
      "setup.cfg",
      "pyproject.toml",
      "libs/x/pyproject.toml",
      "Pipfile",
      "requirements.txt",
      "requirements-dev.txt",
      "constraints.txt",
      "pip.conf",
      ".pypirc",
      "Cargo.toml",
      "rust-toolchain.toml",
      "go.mod",
      "composer.json",
      "nuget.config",
      "binding.gyp",
      "node_modules/.bin/eslint",
      ".bundle/config",
    ],
  ],
  [
    /loaded by a test runner/,
    [
      "conftest.py",
      "tests/unit/conftest.py",
      "sitecustomize.py",
      "usercustomize.py",
      "site-packages/evil.pth",
      "tox.ini",
      "pytest.ini",
      ".rspec",
      ".irbrc",
      ".pryrc",
      ".Rprofile",
      ".eslintrc.js",
      ".eslintrc",
      "eslint.config.mjs",
      ".prettierrc.cjs",
      "jest.config.ts",
      "vite.config.js",
      "webpack.config.js",
      "tailwind.config.ts",
      ".babelrc",
      ".pylintrc",
      ".mocharc.yml",
      ".pnp.cjs",
      ".htaccess",
      "manage.py",
    ],
  ],
];

for (const [reason, paths] of dangerous) {
  describe(`what ${reason.source} is of high risk`, () => {
    it.each(paths)("changed: %s", (path) => {
      const { level, reasons } = riskOf(path);
      expect(level).toBe("high");
      expect(reasons.join("\n")).toMatch(reason);
    });

    // Protection that only covers files that exist already was CVE-2026-25725.
    it.each(paths)("made where there was none: %s", (path) => {
      expect(riskOf(path, "added").level).toBe("high");
    });

    it.each(paths)("in other letters: %s", (path) => {
      expect(riskOf(path.toUpperCase()).level).toBe("high");
    });

    it.each(paths)("deeper in the tree: %s", (path) => {
      expect(riskOf(`some/where/${path}`).level).toBe("high");
    });

    it.each(paths)("turned into another type: %s", (path) => {
      const link: EntryState = { type: "symlink", mode: 0o777, size: 1, target: "x" };
      expect(assessRisk({ path, kind: "type", before: file, after: link }).reasons.join("\n")).toMatch(reason);
    });
  });
}

describe("what nothing on the host runs is of no risk", () => {
  it.each([
    "README.md",
    "src/index.ts",
    "src/app.py",
    "docs/guide.md",
    "lib/git.ts",
    "git",
    "src/env.ts",
    "environment.ts",
    "src/make.ts",
    "src/config.ts",
    "config/default.json",
    "package-lock.json",
    "data/package.json.txt",
    "my-package.json",
    "LICENSE",
    ".gitignore",
    ".gitkeep",
    "gitconfig.md",
    "src/claude.ts",
    "docs/agents/overview.md",
    "img/logo.svg",
    "test/build.test.ts",
    "dockerfile-parser/src/x.ts",
    "src/vscode/tasks.json",
    "a/workflows/x.yml",
    "github/workflows/x.yml",
    "desktop/index.html",
    "service/index.ts",
    "env/x.ts",
    "envrc",
    "bashrc.md",
    "src/.gitted/x",
    "src/x.git/y",
    "dot.git",
  ])("%s", (path) => {
    expect(riskOf(path)).toEqual({ level: "none", reasons: [] });
  });
});

describe("what is taken away", () => {
  it.each(["Makefile", ".github/workflows/ci.yml", "AGENTS.md", ".envrc"])("is of low risk: %s", (path) => {
    expect(riskOf(path, "deleted").level).toBe("low");
  });

  it.each([".git", ".git/HEAD", ".git/objects/aa/bb", ".GIT/config", "sub/.git/index"])(
    "is of high risk in git's own data: %s",
    (path) => {
      expect(riskOf(path, "deleted").level).toBe("high");
    },
  );

  it("is of no risk by itself elsewhere", () => {
    expect(riskOf("src/a.ts", "deleted").level).toBe("none");
  });
});

describe("folders", () => {
  const dir: EntryState = { type: "dir", mode: 0o755, size: 0 };
  const folderRisk = (path: string) => assessRisk({ path, kind: "added", before: null, after: dir });

  it.each([".git", ".vscode", ".github/workflows", ".husky", ".claude"])("matter by themselves: %s", (path) => {
    expect(folderRisk(path).level).toBe("high");
  });

  it.each(["build", "workspace", "Makefile", "src", ".github", "x.service"])("are not taken for files: %s", (path) => {
    expect(folderRisk(path).level).toBe("none");
  });
});

/**
 * Files that something on the host runs or obeys later without asking. Data, not code: a reason and the paths it is
 * true of. Patterns stand between white space, in canonical form (lower case), and hold at any depth:
 * `name` and `a/b` are the last names of a path, `a/**` a folder and everything in it, `*` any part of one name.
 */
export interface CatalogueEntry {
  /** What a person reads: one short sentence without a subject. */
  readonly reason: string;
  readonly paths: string;
  /** Keys that nothing acts on: when only these changed, the file is of no risk. A key stands for what is below it. */
  readonly harmless?: string;
  /** Where given, changes of other keys alone are of low risk. */
  readonly matters?: string;
  /** Names where packages come from: of high risk only when that is new, or cannot be told. */
  readonly locks?: true;
}

const words = "name version description keywords author authors contributors maintainers license homepage";

export const riskCatalogue: readonly CatalogueEntry[] = [
  { reason: "belongs to git's own data: hooks and configuration in it run commands on the host", paths: ".git/**" },
  { reason: "tells git which programs convert, compare and merge files", paths: ".gitattributes" },
  { reason: "tells git which other repositories to fetch, and from where", paths: ".gitmodules" },
  {
    reason: "configures git, which runs commands from it",
    paths: ".gitconfig .lfsconfig .git-blame-ignore-revs .gitconfig.d/**",
  },
  {
    reason: "runs as a git hook",
    paths: `.githooks/** git-hooks/** .git-hooks/** .husky/** .huskyrc* .lefthook/** .simple-git-hooks/**
      .simple-git-hooks.json simple-git-hooks.json .pre-commit-config.yaml .pre-commit-config.yml .pre-commit-hooks.yaml
      lefthook.yml lefthook.yaml lefthook.toml lefthook.json .lefthook.* lefthook-local.* .lefthook-local.* .overcommit.yml
      .lintstagedrc* lint-staged.config.* commitlint.config.* .commitlintrc* captainhook.json prek.toml`,
  },
  {
    reason: "runs on a build server, with its secrets",
    paths: `.github/workflows/** .github/actions/** .github/scripts/** action.yml action.yaml .gitlab-ci.yml .gitlab-ci.yaml
      *.gitlab-ci.yml .gitlab/** .circleci/** .travis.yml jenkinsfile jenkinsfile.* *.jenkinsfile azure-pipelines*.yml
      azure-pipelines*.yaml .azure-pipelines/** .azuredevops/** bitbucket-pipelines.yml appveyor.yml .appveyor.yml .drone.yml
      .drone.yaml .drone.jsonnet .drone.star .woodpecker.yml .woodpecker.yaml .woodpecker/** .buildkite/** .forgejo/** .gitea/**
      .teamcity/** .semaphore/** .tekton/** .ci/** .cirrus.yml .cirrus.star cloudbuild*.yaml cloudbuild*.yml buildspec*.yml
      buildspec*.yaml codeship-steps.yml codeship-services.yml wercker.yml screwdriver.yaml .build.yml .builds/** bamboo-specs/**
      *.gocd.yaml *.gocd.json bitrise.yml codemagic.yaml .harness/** .vela.yml .vela/** .onedev-buildspec.yml .space.kts
      .zuul.yaml .zuul.d/** zuul.d/** .zuul/** .prow.yaml .prow/** .spacelift/** dagger.json .readthedocs.yaml .readthedocs.yml
      pipeline.yml pipeline.yaml concourse.yml`,
  },
  {
    reason: "decides who and what may change the project without a person",
    paths: `.github/dependabot.yml .github/dependabot.yaml .github/codeowners codeowners renovate.json renovate.json5 .renovaterc
      .renovaterc.json .mergify.yml .github/mergify.yml .kodiak.toml .github/settings.yml`,
  },
  {
    reason: "is run or obeyed where the project is deployed",
    paths: `vercel.json netlify.toml fly.toml render.yaml app.yaml procfile amplify.yml heroku.yml serverless.yml serverless.yaml
      wrangler.toml wrangler.json wrangler.jsonc firebase.json railway.json railway.toml now.json chart.yaml
      kustomization.yaml helmfile.yaml skaffold.yaml *.nomad pulumi.yaml pulumi.*.yaml`,
  },
  {
    reason: "configures an editor, which runs tasks and tools from it",
    paths: `.vscode/** .idea/** .fleet/** .zed/** .eclipse/** .settings/** .nova/** .theia/** .vim/** .nvim/** .run/** .vs/**
      *.code-workspace .exrc .vimrc .gvimrc .nvimrc .nvim.lua .lvimrc .vimspector.json .dir-locals.el .dir-locals-2.el .emacs
      .project .classpath *.sublime-project *.sublime-workspace .sublime-project .editorconfig .netrwhist .ycm_extra_conf.py
      .clangd .ccls .luarc.json .neoconf.json .kateproject .helix/** *.iml *.ipr *.iws *.xcscheme`,
  },
  { reason: "is obeyed by a debugger as soon as it starts here", paths: ".gdbinit .lldbinit .lldbinit-* .radare2rc" },
  {
    reason: "builds the container that an editor or a hosted workspace runs the project in",
    paths: ".devcontainer/** .devcontainer.json devcontainer.json .gitpod.yml .gitpod.dockerfile devfile.yaml .idx/**",
  },
  {
    reason: "gives an AI agent on the host tools, hooks or permissions",
    paths: `.mcp.json mcp.json .mcp*.json .mcp*.yaml .mcp*.yml .mcp*.toml mcp_config.json .kiro/agents/** .kiro/hooks/** .kiro/settings/** .claude/settings.json
      .claude/settings.local.json .claude/hooks/** .claude/agents/** .claude/commands/** .claude-plugin/** .cursor/mcp.json
      .cursor/hooks.json .cursor/cli.json .gemini/settings.json .gemini/extensions/** .codex/config.toml .amazonq/mcp.json
      .amazonq/cli-agents/** .vscode/mcp.json opencode.json opencode.jsonc .opencode/** .goose/** .continue/** .roo/mcp.json
      .junie/mcp/** .aider.conf.yml .aider.conf.yaml .crush.json crush.json .claude*.json .gemini*.json .codex*.toml`,
  },
  {
    reason: "instructs an AI agent on the host",
    paths: `.kiro/** .claude/** .cursor/** .gemini/** .codex/** .amazonq/** .aider/** .windsurf/** .copilot/** .agents/** .agent/**
      .roo/** .cline/** .clinerules/** .junie/** .qwen/** .augment/** .trae/** .factory/** .crush/** .kilocode/** .openhands/**
      .specify/** agents.md agents.override.md agents.local.md agent.md claude.md claude.local.md gemini.md qwen.md crush.md
      warp.md skill.md codex.md .cursorrules .cursorignore .windsurfrules .clinerules .roorules .roomodes .goosehints .rules
      .aiderignore .continuerules .geminiignore .claudeignore .kiroignore copilot-instructions.md .github/instructions/**
      .github/prompts/** .github/chatmodes/** .github/agents/** *.instructions.md *.prompt.md *.chatmode.md *.mdc llms.txt`,
  },
  { reason: "configures Airlock itself", paths: "airlock.yaml airlock.yml .airlock* .airlock/**" },
  {
    reason: "is run by direnv or another tool as soon as a shell enters the folder",
    paths:
      ".envrc .envrc.* .direnv/** .autoenv .autoenv.zsh .autoenv.zsh.leave mise.toml .mise.toml mise.*.toml .mise.*.toml .mise/** .rtx.toml .sdkmanrc devbox.json devenv.nix devenv.yaml flake.nix shell.nix default.nix",
  },
  { reason: "sets environment variables for programs of the host", paths: ".env .env.* .pam_environment .flaskenv" },
  {
    reason: "decides which version of a tool is installed and run",
    paths: `.tool-versions .nvmrc .node-version .python-version .ruby-version .java-version .go-version .terraform-version
      .bun-version .deno-version rust-toolchain rust-toolchain.toml global.json .swift-version .php-version`,
  },
  {
    reason: "is read by a shell or a terminal when it starts",
    paths: `.bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .zlogout .kshrc
      .cshrc .tcshrc .login .logout .inputrc config.fish *.fish *.plugin.zsh .xprofile .xsession .xinitrc .tmux.conf .screenrc
      config.nu env.nu profile.ps1 microsoft.powershell_profile.ps1 *.ps1xml .oh-my-zsh/**`,
  },
  {
    reason: "holds settings or keys that programs read from a home folder",
    paths:
      ".ssh/** .aws/** .gnupg/** .kube/** .docker/** .config/** .netrc _netrc .wgetrc .curlrc _curlrc .terraformrc .boto",
  },
  {
    reason: "is started by the desktop or by the system",
    paths: `*.desktop *.service *.timer *.socket *.path *.mount *.automount *.plist *.lnk *.url *.webloc *.command *.workflow *.scpt
      *.reg *.inf *.scf *.hta *.crontab crontab crontabs/** cron.d/** cron.daily/** cron.hourly/** cron.weekly/** cron.monthly/**
      anacrontab autorun.inf desktop.ini .directory launchagents/** launchdaemons/** autostart/** systemd/** init.d/** rc.local
      udev/rules.d/** supervisord.conf`,
  },
  {
    reason: "runs when the project is built",
    paths: `makefile makefile.* makefile-* gnumakefile bsdmakefile *.mk *.mak justfile .justfile *.just taskfile.yml taskfile.yaml
      taskfile.dist.yml rakefile *.rake gruntfile.js gruntfile.cjs gruntfile.ts gulpfile.js gulpfile.*.js gulpfile.ts jakefile jakefile.js
      cmakelists.txt cmakepresets.json cmakeuserpresets.json *.cmake configure configure.ac configure.in autogen.sh bootstrap.sh
      meson.build meson_options.txt meson.options build.ninja sconstruct sconscript wscript waf build build.bazel workspace
      workspace.bazel workspace.bzlmod module.bazel *.bzl *.bazelrc .bazelrc .bazelversion buck buck2 .buckconfig tiltfile earthfile magefile.go
      vagrantfile build.sh make.bat build.xml pom.xml build.sbt build.sc project.clj deps.edn bb.edn shadow-cljs.edn mix.exs
      rebar.config package.swift podfile fastfile appfile fastlane/** build.zig build.zig.zon setup.hs *.cabal dune-project gradlew gradlew.bat
      gradle.properties *.gradle *.gradle.kts gradle/wrapper/** .gradle/** buildsrc/** mvnw mvnw.cmd .mvn/** build.rs
      .cargo/config.toml .cargo/config .cargo/** nx.json turbo.json lerna.json moon.yml .moon/** rush.json dodo.py tasks.py noxfile.py fabfile.py wscript.py
      *.csproj *.fsproj *.vbproj *.vcxproj *.targets *.props *.sln *.pro *.pri *.proj *.nuspec *.ninja gyp.gyp *.gyp *.gypi makefile.pl
      build.pl makevars makevars.win tup.config tupfile xmake.lua premake5.lua conanfile.py conanfile.txt vcpkg.json foreman.toml melos.yaml`,
  },
  {
    reason: "says how containers of the project are built and run",
    paths: `dockerfile dockerfile.* dockerfile-* *.dockerfile containerfile containerfile.* docker-bake.hcl docker-compose*.yml
      docker-compose*.yaml compose.yml compose.yaml compose.*.yml compose.*.yaml compose-*.yml compose-*.yaml .dockerignore buildah.sh`,
  },
  {
    reason: "changes what npm runs or installs",
    paths: "package.json package.json5 package.yaml",
    harmless: `${words} repository bugs funding private sideEffects $schema`,
  },
  {
    reason: "changes what a package manager installs, from where, or what it runs",
    paths: `.npmrc .yarnrc .yarnrc.yml .yarn/** .pnpmfile.cjs .pnpmfile.mjs pnpmfile.js pnpm-workspace.yaml bunfig.toml deno.json
      deno.jsonc jsr.json .bowerrc bower.json .pypirc pip.conf pip.ini setup.py setup.cfg hatch_build.py hatch.toml
      pdm_build.py pdm.toml .pdm.toml pipfile poetry.toml uv.toml pixi.toml requirements*.txt requirements*.in requirements/** constraints*.txt
      constraints*.in .condarc environment.yml environment.yaml gemfile gems.rb *.gemspec .bundle .bundle/** go.mod go.work
      nuget.config packages.config directory.build.props directory.build.targets directory.packages.props paket.dependencies
      binding.gyp node_modules/.bin/** auth.json pubspec.yaml cartfile brewfile cpanfile rebar3.config shard.yml
      .terraform.lock.hcl stack.yaml cabal.project cabal.project.local`,
  },
  {
    reason: "changes what pip or a build tool of Python runs or installs",
    paths: "pyproject.toml",
    harmless: `project.version project.description project.keywords project.authors project.maintainers project.license
      project.classifiers project.urls project.readme tool.poetry.version tool.poetry.description tool.poetry.authors`,
  },
  {
    reason: "changes what cargo builds, installs or runs",
    paths: "cargo.toml",
    harmless: `package.version package.description package.keywords package.categories package.authors package.license
      package.homepage package.repository package.documentation package.readme`,
  },
  {
    reason: "changes what composer runs or installs",
    paths: "composer.json",
    harmless: `${words} support funding time type readme archive abandoned _comment`,
  },
  {
    reason: "decides which packages are installed, and from where",
    locks: true,
    paths: `package-lock.json npm-shrinkwrap.json .package-lock.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock poetry.lock uv.lock
      pdm.lock pipfile.lock pylock.toml pylock.*.toml conda-lock.yml pixi.lock cargo.lock go.sum go.work.sum gemfile.lock
      gems.locked composer.lock mix.lock rebar.lock pubspec.lock podfile.lock cartfile.resolved package.resolved flake.lock
      packages.lock.json paket.lock gradle.lockfile chart.lock stack.yaml.lock cabal.project.freeze conan.lock module.bazel.lock
      buf.lock shard.lock`,
  },
  {
    reason: "is loaded by a test runner, linter or interpreter before anything else",
    paths: `conftest.py sitecustomize.py usercustomize.py *.pth tox.ini pytest.ini .pytest.ini pytest.toml .coveragerc .pylintrc pylintrc mypy.ini
      .mypy.ini .flake8 ruff.toml .ruff.toml .rspec .irbrc .pryrc .pythonrc .pythonstartup .rprofile .renviron .rubocop.yml
      .perlcriticrc .proverc .babelrc* .swcrc .mocharc* .eslintrc* .prettierrc* .stylelintrc* .graphqlrc* .postcssrc* .nycrc* .c8rc* .taprc
      *.config.js *.config.cjs *.config.mjs *.config.ts *.config.cts *.config.mts *.config.json .pnp.cjs .pnp.loader.mjs .ackrc .rgrc
      .ripgreprc .php.ini .user.ini php.ini phpunit.xml phpunit.xml.dist .php-cs-fixer.php .htaccess manage.py vitest.workspace.ts
      vitest.workspace.js biome.json biome.jsonc .ocamlinit .ghci .scalafix.conf .phpstorm.meta.php .solargraph.yml web.config`,
  },
  {
    reason: "is obeyed by the compiler and by editors, which load plugins from it",
    paths: "tsconfig.json tsconfig.*.json tsconfig-*.json jsconfig.json",
    matters:
      "extends references plugins ts-node compilerOptions.plugins compilerOptions.paths compilerOptions.baseUrl compilerOptions.rootDirs compilerOptions.typeRoots compilerOptions.types watchOptions",
  },
];

/** Names of keys whose value is run, loaded or fetched. They are named first: a hundred others must not hide one. */
export const runningKeys: ReadonlySet<string> = new Set(
  `run runs uses script scripts before_script after_script command commands cmd cmds exec entrypoint entry args image container
   shell hooks preinstall install postinstall prepare prepack prepublish prepublishonly postpack pretest posttest prestart
   bin main module imports exports dependencies devdependencies optionaldependencies overrides resolutions workspaces packagemanager
   env environment volumes privileged cap_add devices network_mode url urls registry index-url extra-index-url node-options script-shell
   git-shell init-module ignore-scripts strict-ssl cafile mcpservers servers runon postcreatecommand poststartcommand postattachcommand
   oncreatecommand updatecontentcommand initializecommand runargs mounts features build-backend requires backend-path runner rustc
   rustc-wrapper rustdoc linker rustflags replace-with source repo rev fsmonitor hookspath sshcommand plugins extends include
   permissions secrets on autoapprove alwaysallow trustedcommands allowedtools tools allow enabledmcpjsonservers enableallprojectmcpservers pre-commit build alias
   filter diff merge clean smudge process textconv driver helper program includeif path askpass editor pager proxy gitproxy
   attributesfile worktree insteadof pushinsteadof uploadpack receivepack vcs update sslverify allow templatedir
   packobjectshook cmd difffilter credential browser node_options ld_preload bash_env pythonstartup pythonpath perl5opt rubyopt
   execstart execstartpre execstop working-tree-encoding resolved integrity source`.split(/\s+/),
);

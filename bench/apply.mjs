// Measures apply against rsync, and diff against git status.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const writeFiles =
  "import os\nfor n in range(10000):\n  d='many/d%d'%(n//100)\n  os.makedirs(d,exist_ok=True)\n  open('%s/f%d.txt'%(d,n%100),'w').write('file %d\\n'%n*20)\n";

/** Apply of 10,000 small files, each by a session of its own and undone again, against rsync of the same into an empty folder. */
export function measureApply({ bed, cli, run, versus, report }) {
  const project = join(bed, "applied");
  mkdirSync(join(project, ".git"), { recursive: true });
  const write = () => cli(["run", "--on-exit", "keep", "--", "python3", "-c", writeFiles], project);
  write();
  const copy = join(bed, "copy");
  const target = join(bed, "rsynced");
  const rsync = () => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
    return run("rsync", ["-a", `${copy}/`, `${target}/`]).ms;
  };
  const apply = (more) => () => {
    write();
    const { ms } = cli(["apply", "--yes", "--allow-risk", ...more], project);
    cli(["undo", "--yes", "--no-sync"], project);
    cli(["discard", "--all"], project);
    return ms;
  };
  cli(["apply", "--yes", "--allow-risk", "--no-sync"], project);
  execFileSync("cp", ["-a", join(project, "many"), copy]);
  cli(["undo", "--yes", "--no-sync"], project);
  cli(["discard", "--all"], project);
  report("apply of 10,000 small files", "rsync -a of the same", "2.0", versus(7, apply([]), rsync));
  report(
    "apply --no-sync of 10,000 small files",
    "rsync -a of the same",
    "1.2",
    versus(7, apply(["--no-sync"]), rsync),
  );
}

/** Diff of 100 changes against git status, in a repository of 200,000 files. */
export function measureDiff({ cli, run, versus, report, project }) {
  rmSync(join(project, ".git"), { recursive: true });
  const git = (...args) =>
    run("git", [
      "-C",
      project,
      "-c",
      "user.name=bench",
      "-c",
      "user.email=bench@example.org",
      "-c",
      "gc.auto=0",
      "-c",
      "maintenance.auto=false",
      ...args,
    ]);
  git("init", "-q");
  git("add", ".");
  git("commit", "-q", "-m", "base");
  cli(
    ["run", "--on-exit", "keep", "--", "sh", "-c", "for i in $(seq 100); do echo changed > src/d0/f$i.txt; done"],
    project,
  );
  const result = versus(
    9,
    () => cli(["diff", "--name-only"], project).ms,
    () => git("status", "--short").ms,
  );
  report("diff of 100 changes, 200,000 files in git", "git status", "0.5", result);
}

// Measures apply against rsync, and diff against git status.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const writeFiles =
  "import os\nfor n in range(10000):\n  d='many/d%d'%(n//100)\n  os.makedirs(d,exist_ok=True)\n  open('%s/f%d.txt'%(d,n%100),'w').write('file %d\\n'%n*20)\n";

/**
 * Apply of 10,000 small files against rsync of the same, each into a folder that is new. Nothing is removed before the
 * end: ext4 does not give an inode that was freed in the last minutes to another file (recently_deleted in
 * fs/ext4/ialloc.c) and looks for others one by one, which made the same 10,000 files of one program take 0.1 or 0.9 s.
 */
export function measureApply({ bed, cli, run, versus, report }) {
  let made = 0;
  const newProject = () => {
    const project = join(bed, `applied-${made++}`);
    mkdirSync(join(project, ".git"), { recursive: true });
    cli(["run", "--on-exit", "keep", "--", "python3", "-c", writeFiles], project);
    return project;
  };
  const apply = (...more) => {
    const project = newProject();
    return { project, ms: cli(["apply", "--yes", "--allow-risk", ...more], project).ms };
  };
  const copy = join(apply("--no-sync").project, "many");
  const rsync = () => {
    const target = join(bed, `rsynced-${made++}`);
    mkdirSync(target);
    return run("rsync", ["-a", `${copy}/`, `${target}/`]).ms;
  };
  const compare = (what, limit, ...more) =>
    report(
      what,
      "rsync -a of the same",
      limit,
      versus(7, () => apply(...more).ms, rsync),
    );
  compare("apply of 10,000 small files, into a folder that is new", "2.0");
  compare("apply --no-sync of 10,000 small files, into a folder that is new", "1.2", "--no-sync");
  cli(["discard", "--all"], bed);
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

// Runs the linters and every vitest project one after the other, and ends with the one line "N passed, N failed" that is true
// of them all. Exit code 1 when anything failed, when a project crashed, or when no test ran.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const projects = ["unit", "keeper", "engine", "security", "e2e"];
const total = { passed: 0, failed: 0, skipped: 0 };

function run(name, command, args) {
  const started = Date.now();
  console.log(`\n== ${name}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error) console.log(`${name}: ${error.message}`);
  console.log(`== ${name}: ${status === 0 ? "ok" : "FAILED"} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return status === 0;
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

/** A file that fails before its first test counts as one failure, and so does a project that leaves no report. */
function count(report, ok) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const broken = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  const failed = report.numFailedTests + broken.length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && !ok ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

const reports = mkdtempSync(join(tmpdir(), "airlock-tests-"));
let ran = 0;
try {
  const lintOk = run("lint", "npm", ["run", "--silent", "lint"]);
  total[lintOk ? "passed" : "failed"] += 1;
  for (const project of projects) {
    const path = join(reports, `${project}.json`);
    const ok = run(project, process.execPath, [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${path}`,
    ]);
    const counted = count(readReport(path), ok);
    for (const key of Object.keys(total)) total[key] += counted[key];
    ran += counted.passed + counted.failed;
  }
} finally {
  rmSync(reports, { recursive: true, force: true });
}

if (ran === 0) console.log("\nno test ran");
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
process.exitCode = total.failed > 0 || ran === 0 ? 1 : 0;

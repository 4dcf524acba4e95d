import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { contentHash } from "../../src/image/context.js";
import { type BroughtCommits, bringCommits } from "../../src/session/git/commits.js";
import { openWorkbench, type Workbench } from "../../src/session/workbench.js";
import { Lab } from "./lab.js";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
export const { signal } = new AbortController();

/** Runs git on the host as a person would, without the machine's configuration. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync("git", ["-c", "init.defaultBranch=main", ...args], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 26,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Host",
      GIT_AUTHOR_EMAIL: "host@example.org",
      GIT_COMMITTER_NAME: "Host",
      GIT_COMMITTER_EMAIL: "host@example.org",
    },
  }).trim();
}

type Wish = Parameters<typeof bringCommits>[2];

/** A lab whose project is a real repository with three commits, and a canary that nothing may touch. */
export class GitLab extends Lab {
  /** Made by whatever runs on the host because of the agent. */
  readonly canary = join(this.root, "canary");
  #bench: Promise<Workbench> | null = null;

  constructor(project?: string) {
    super(project);
    rmSync(join(this.project, ".git"), { recursive: true });
    git(this.project, "init", "-q");
    for (const each of ["one", "two", "three"]) this.commit(each, { [`${each}.txt`]: `${each}\n` });
  }

  commit(subject: string, files: Record<string, string> = {}): string {
    for (const [path, content] of Object.entries(files)) this.write(path, content);
    git(this.project, "add", "-A");
    git(this.project, "commit", "-q", "--allow-empty", "-m", subject);
    return git(this.project, "rev-parse", "HEAD");
  }

  /** Starts a session and runs a script in it, with an identity for git. */
  async session(script: string, ...args: string[]): Promise<string> {
    const id = await this.start(...args);
    await this.inside(id, script);
    return id;
  }

  async inside(id: string, script: string): Promise<string> {
    const identity = "export GIT_AUTHOR_NAME='The Agent' GIT_AUTHOR_EMAIL=agent@example.org";
    const committer = "export GIT_COMMITTER_NAME=Someone GIT_COMMITTER_EMAIL=someone@example.org";
    const all = [identity, committer, "git config --global safe.directory '*'", "set -e", script];
    const { code, stdout, stderr } = await this.exec(id, all.join("\n"));
    if (code !== 0) throw new Error(`the script ended with ${code}: ${stderr}${stdout.toString()}`);
    return stdout.toString().trim();
  }

  bench(): Promise<Workbench> {
    this.#bench ??= openWorkbench({
      env: this.env(),
      homedir: this.userHome,
      platform: process.platform,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      imageHash: contentHash(packageRoot),
      packageRoot: new URL("../..", import.meta.url).pathname,
      signal,
      engineAddress: undefined,
      onProgress: () => undefined,
    });
    return this.#bench;
  }

  async bring(id: string, wish?: Wish): Promise<BroughtCommits> {
    return await bringCommits(await this.bench(), { id }, wish);
  }

  /** The message of the error that bringing ends in. */
  async refusal(id: string, wish?: Wish): Promise<string> {
    const before = this.refs();
    const message = await this.bring(id, wish).then(
      () => "brought",
      (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
    );
    if (message !== "brought" && this.refs() !== before) throw new Error("a refused transfer changed the host's refs");
    return message;
  }

  refs(): string {
    return git(this.project, "for-each-ref", "--format=%(objectname) %(refname)");
  }

  touched(): boolean {
    return existsSync(this.canary);
  }

  /** A folder beside the project. */
  beside(name: string): string {
    const path = join(dirname(this.project), name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    const bench = await this.#bench;
    await bench?.[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}

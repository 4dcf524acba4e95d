import type { CommandEntry } from "./command.js";

/** Every command, in the order of the help. */
export const commandTable: readonly CommandEntry[] = [
  {
    name: "run",
    summary: "run a command in a new sandbox over the project",
    load: () => import("./run.js"),
    ownFailure: 125,
  },
  { name: "start", summary: "start a sandbox that stays", load: () => import("./start.js"), json: true },
  { name: "exec", summary: "run a command in a session's sandbox", load: () => import("./exec.js"), ownFailure: 125 },
  { name: "shell", summary: "open a shell in a session's sandbox", load: () => import("./shell.js"), ownFailure: 125 },
  { name: "ls", summary: "list sessions", load: () => import("./ls.js"), json: true },
  {
    name: "status",
    summary: "show a session: wall, mounts, limits, what is hidden",
    load: () => import("./status.js"),
    json: true,
  },
  { name: "diff", summary: "show what a session changed", load: () => import("./diff.js"), json: true },
  {
    name: "review",
    summary: "look at a session and decide what becomes of it",
    load: () => import("./review.js"),
  },
  { name: "apply", summary: "write a session's changes to the project", load: () => import("./apply.js"), json: true },
  { name: "undo", summary: "take an apply back", load: () => import("./undo.js"), json: true },
  { name: "applies", summary: "list what was applied", load: () => import("./applies.js"), json: true },
  {
    name: "feedback",
    summary: "print what was rejected, as a note for the agent",
    load: () => import("./feedback.js"),
    json: true,
  },
  { name: "snapshot", summary: "save a session's state", load: () => import("./snapshot.js"), json: true },
  { name: "snapshots", summary: "list a session's snapshots", load: () => import("./snapshots.js"), json: true },
  { name: "restore", summary: "go back to a snapshot", load: () => import("./restore.js"), json: true },
  { name: "discard", summary: "destroy sessions and prove it", load: () => import("./discard.js"), json: true },
  {
    name: "prune",
    summary: "finish interrupted discards and remove orphans",
    load: () => import("./prune.js"),
    json: true,
  },
  { name: "log", summary: "show or verify a session's journal", load: () => import("./log.js"), json: true },
  {
    name: "doctor",
    summary: "check the engine, the image and the wall",
    load: () => import("./doctor.js"),
    json: true,
  },
  { name: "setup", summary: "find or start an engine and build the image", load: () => import("./setup.js") },
  { name: "image", summary: "build, list and remove sandbox images", load: () => import("./image.js"), json: true },
  { name: "init", summary: "write an airlock.yaml for the project", load: () => import("./init-command.js") },
  {
    name: "config",
    summary: "show, check and approve the configuration",
    load: () => import("./config-command.js"),
    json: true,
  },
  {
    name: "completion",
    summary: "print completion for bash, zsh or fish",
    load: () => import("./completion.js"),
    project: false,
  },
  { name: "supervise", summary: "watch a started session", load: () => import("./supervise.js"), hidden: true },
];

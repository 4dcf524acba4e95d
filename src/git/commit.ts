import { createHash } from "node:crypto";
import { decodePath } from "../base/byte-path.js";
import { inflateBounded } from "./inflate.js";
import { isObjectId } from "./refs.js";
import type { GitCommit } from "./report.js";

/** A commit with what a walk needs. */
export interface ParsedCommit extends GitCommit {
  readonly parents: readonly string[];
  /** Seconds since the epoch by the committer's clock; 0: unusable. */
  readonly time: number;
}

/** The largest commit that is read, message and all. */
export const commitBytes = 256 * 1024;
const maxParents = 256;
const maxText = 500;

const person = /^(.*?) ?<([^<>]*)> (\d{1,11}) [+-]\d{1,4}$/su;
// The last moment that a Date can tell.
const lastSecond = 8.64e12;

function readPerson(line: string | undefined): { readonly name: string; readonly time: number } {
  const match = person.exec((line ?? "").slice(0, 2_000));
  if (match === null) return { name: (line ?? "").slice(0, maxText), time: 0 };
  const time = Number(match[3]);
  return { name: `${match[1]} <${match[2]}>`.slice(0, maxText), time: time <= lastSecond ? time : 0 };
}

function headerOf(lines: readonly string[], name: string): string | undefined {
  return lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
}

/** Reads a commit's body; null when it has not the form of one. */
export function parseCommit(id: string, body: Uint8Array): ParsedCommit | null {
  const text = decodePath(body);
  const end = text.indexOf("\n\n");
  const lines = text.slice(0, end === -1 ? text.length : end).split("\n");
  if (!isObjectId(headerOf(lines.slice(0, 1), "tree") ?? "")) return null;
  const parents = lines.filter((line) => line.startsWith("parent ")).map((line) => line.slice(7));
  if (parents.length > maxParents || !parents.every(isObjectId)) return null;
  const author = readPerson(headerOf(lines, "author"));
  const { time } = readPerson(headerOf(lines, "committer"));
  const message = end === -1 ? "" : text.slice(end + 2).trimStart();
  const line = message.indexOf("\n");
  return {
    id,
    author: author.name,
    date: author.time === 0 ? "" : new Date(author.time * 1000).toISOString(),
    subject: (line === -1 ? message : message.slice(0, line)).slice(0, maxText),
    parents,
    time,
  };
}

/** Hashes an object as git does, with the algorithm that the length of an id tells. */
export function hashObject(type: string, body: Uint8Array, id: string): string {
  const hash = createHash(id.length === 64 ? "sha256" : "sha1");
  return hash.update(`${type} ${body.length}\0`).update(body).digest("hex");
}

/** What a loose object's file turned out to be. */
export type LooseObject =
  | { readonly kind: "commit"; readonly commit: ParsedCommit }
  | { readonly kind: "other" }
  | { readonly kind: "broken"; readonly why: string };

/** Reads the file of a loose object as a commit. Content that does not hash to its name is broken: it was put there. */
export function readLooseObject(id: string, file: Uint8Array): LooseObject {
  // Room for the header; what is larger than a commit may be is no use here either way.
  const raw = inflateBounded(file, commitBytes + 64);
  if (raw === null) return { kind: "broken", why: "cannot be unpacked or is too large for a commit" };
  const end = raw.indexOf(0);
  const header = /^(commit|tree|blob|tag) (\d{1,15})$/.exec(
    raw.subarray(0, Math.max(0, Math.min(end, 32))).toString("latin1"),
  );
  const body = raw.subarray(end + 1);
  if (header === null || Number(header[2]) !== body.length) return { kind: "broken", why: "has no object's header" };
  const [, type = ""] = header;
  if (hashObject(type, body, id) !== id) return { kind: "broken", why: "does not hold what its name says" };
  if (type !== "commit") return { kind: "other" };
  const commit = parseCommit(id, body);
  return commit === null ? { kind: "broken", why: "has not the form of a commit" } : { kind: "commit", commit };
}

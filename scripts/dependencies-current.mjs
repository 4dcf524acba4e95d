// Exit code 0 when node_modules holds what package-lock.json names, so that `npm ci` can be left out.
import { readFileSync } from "node:fs";

function packages(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).packages;
  } catch {
    return null;
  }
}

const wanted = packages("../package-lock.json");
const installed = packages("../node_modules/.package-lock.json");
const current =
  wanted !== null &&
  installed !== null &&
  Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === "" || (installed[path] === undefined ? optional === true : installed[path].version === version),
  );
process.exit(current ? 0 : 1);

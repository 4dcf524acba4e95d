// Keeps bench/RESULTS.md: each measurement has a section of its own and leaves the others as they are.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";

const path = new URL("RESULTS.md", import.meta.url).pathname;

/** Day, processors and load of what is measured now. */
export function circumstances() {
  const load = loadavg()[1].toFixed(1);
  return `${new Date().toISOString().slice(0, 10)}: ${cpus().length} CPUs with a load of ${load}, Node ${process.version}`;
}

/** Replaces the section under `## title`, or the beginning of the page where the title is null. */
export function writeSection(title, text) {
  const [first, ...rest] = readFileSync(path, "utf8").split(/^(?=## )/m);
  const fresh = title === null ? text : `## ${title}\n\n${text}`;
  const isSame = (section) => section.startsWith(`## ${title}\n`);
  const sections =
    title === null
      ? [fresh, ...rest]
      : [first, ...(rest.some(isSame) ? rest.map((each) => (isSame(each) ? fresh : each)) : [...rest, fresh])];
  writeFileSync(path, `${sections.map((section) => section.trim()).join("\n\n")}\n`);
}

/** Prints lines, and makes a section of them at the end. */
export class Printed {
  #lines = [];

  say(line) {
    console.log(line);
    this.#lines.push(line);
  }

  write(title, about) {
    writeSection(title, `${about}; ${circumstances()}.\n\n\`\`\`\n${this.#lines.join("\n")}\n\`\`\``);
  }
}

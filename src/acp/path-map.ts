import { posix } from "node:path";

interface Root {
  readonly host: string;
  readonly inside: string;
}

const mostRoots = 16;

const below = (folder: string, path: string): string | null => {
  if (path === folder) return "";
  const prefix = folder.endsWith("/") ? folder : `${folder}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : null;
};

/** The project's paths as the editor has them, and as they are in the sandbox. What is not of the project is the same on both sides. */
export class PathMap {
  readonly #project: Root;
  readonly #roots: Root[];

  constructor(project: Root) {
    this.#project = project;
    this.#roots = [project];
  }

  /** The editor has this folder, and so those above it that are called the same, by another name, as through a link. */
  add(host: string, inside: string): void {
    if (this.toInside(host) === inside) return;
    let root = { host: posix.normalize(host), inside };
    while (root.inside !== this.#project.inside && posix.basename(root.host) === posix.basename(root.inside))
      root = { host: posix.dirname(root.host), inside: posix.dirname(root.inside) };
    this.#roots.unshift(root);
    this.#roots.splice(mostRoots);
  }

  readonly toInside = (path: string): string => this.#map(path, "host", "inside");
  readonly toHost = (path: string): string => this.#map(path, "inside", "host");

  #map(path: string, from: keyof Root, to: keyof Root): string {
    const normal = posix.normalize(path);
    for (const root of this.#roots) {
      const rest = below(root[from], normal);
      if (rest !== null) return posix.join(root[to], rest);
    }
    return path;
  }
}

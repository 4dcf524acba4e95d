import { open, rename } from "node:fs/promises";
import type { Command } from "commander";
import { AirlockError, systemCodeOf } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { projectConfigPath } from "../../config/load.js";
import { findProject } from "../../session/project.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";

const template = `# Airlock's configuration of this project. airlock config schema prints everything that is allowed.
# What loosens the defaults (image, paths, env, unmask, network, root, higher limits) needs the user's approval once: airlock config approve

# Further files to hide from the sandbox, beside .env files, keys and tokens.
# mask:
#   - "config/production.*"

# Files to show although they look like secrets.
# unmask:
#   - ".env.test"

# Further host paths: ro (read-only), cow (copy-on-write), rw (written through; also needs --allow-rw).
# paths:
#   - host: ../shared-library
#     mode: ro

# What the sandbox may reach; without it nothing. airlock network presets prints the lists of hosts.
# network:
#   presets: [npm, github]
#   allow:
#     - api.example.com

# limits:
#   memory: 4g
#   cpus: 2
#   pids: 1024
#   disk: 20g
#   timeout: 1h

# What happens when the command of airlock run has ended: review, keep or discard.
# onExit: review
`;

interface InitOptions extends GlobalOptions {
  readonly force?: boolean;
}

async function writeNew(path: string, force: boolean): Promise<void> {
  if (force)
    await rename(path, `${path}.bak`).catch((error: unknown) => {
      if (systemCodeOf(error) !== "ENOENT") throw error;
    });
  try {
    await using file = await open(path, "wx", 0o644);
    await file.writeFile(template);
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
    throw new AirlockError("E_USAGE", `${displayPath(path)} is there already`, {
      hint: "--force keeps it as airlock.yaml.bak and writes a new one",
    });
  }
}

async function init(context: CommandContext, options: InitOptions): Promise<number> {
  const path = projectConfigPath(await findProject(context.edge.cwd, options.project));
  await writeNew(path, options.force === true);
  context.note(`wrote ${displayPath(path)}; everything in it is a comment until you change it`);
  return 0;
}

/** `airlock init`. */
export function define(command: Command, act: Act): void {
  command
    .option("--force", "replace the one that is there (kept as airlock.yaml.bak)")
    .addHelpText("after", "\nExit status: 0 · 2 it is there already")
    .action(act(init));
}

import type { ApprovedPath } from "../model/session.js";
import { approvePath } from "../policy/mounts.js";
import type { ProtectedPlaces } from "../policy/places.js";
import { workspaceTarget } from "../policy/project.js";
import type { SessionPlan } from "./plan.js";
import type { Workbench } from "./workbench.js";

const defaultDataRoot = "/var/lib/docker";

/** What no sandbox may ever see, here and now. */
export async function protectedPlaces(bench: Workbench): Promise<ProtectedPlaces> {
  const { endpoint } = await bench.foundEngine();
  return {
    homedir: bench.surroundings.homedir,
    airlockHome: bench.home.path,
    engineSocket: endpoint.kind === "unix" ? endpoint.address.replace(/^unix:\/\//, "") : null,
    engineDataRoot: endpoint.kind === "unix" ? defaultDataRoot : null,
  };
}

/** Approves the paths of a plan one after the other, because each may not lie beneath one before it. */
export async function approvePaths(
  plan: SessionPlan,
  project: string,
  places: ProtectedPlaces,
): Promise<ApprovedPath[]> {
  const approved: ApprovedPath[] = [];
  for (const [index, request] of plan.paths.entries()) {
    const context = {
      places,
      cwd: plan.cwd,
      project,
      workspace: workspaceTarget(project),
      allowRw: plan.allowRw || request.approved,
      approved,
      index: index + 1,
    };
    approved.push(await approvePath(request, context));
  }
  return approved;
}

/** opencode has no hooks of commands: a plugin of its own calls the same program, and throws where that says no. */
export const opencodePlugin = `// Written by Airlock: asks it before each tool, and tells it after.
import { spawn } from "node:child_process";

const most = 1024 * 1024;

function call(event, payload) {
  return new Promise((resolve) => {
    const child = spawn("/airlock/hatch", ["hook", "opencode", event], { stdio: ["pipe", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (piece) => {
      if (said.length < most) said += piece;
    });
    child.stdin.on("error", () => undefined);
    child.on("error", (error) => resolve({ code: 2, said: "airlock: blocked: " + error.message }));
    child.on("close", (code) => resolve({ code, said }));
    child.stdin.end(JSON.stringify(payload));
  });
}

export const AirlockPlugin = async ({ directory }) => ({
  "tool.execute.before": async (input, output) => {
    const payload = { cwd: directory, tool_name: input.tool, tool_use_id: input.callID, tool_input: output.args };
    const { code, said } = await call("tool.execute.before", payload);
    if (code !== 0) throw new Error(said.trim() || "airlock: blocked");
  },
  "tool.execute.after": async (input, output) => {
    const payload = { cwd: directory, tool_name: input.tool, tool_use_id: input.callID, tool_response: output.output };
    await call("tool.execute.after", payload);
  },
});
`;

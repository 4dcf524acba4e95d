import { AcpRelay } from "../../acp/relay.js";
import { isAirlockError, messageOf } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import type { SessionRecord } from "../../model/session.js";
import { AcpSession } from "../../session/acp/acp-session.js";
import { type RunOutcome, runSession } from "../../session/run.js";
import type { Workbench } from "../../session/workbench.js";
import { countTotals } from "../commands/run.js";
import type { CommandContext } from "../context.js";
import type { AgentOptions } from "../options/agent-options.js";
import { collectEnv } from "../options/env-options.js";
import { makePlan, type SessionOptions } from "../options/plan-options.js";
import { withAgent } from "../options/with-agent.js";
import { announceAws, announceSession, announceTrust } from "../render/announce.js";
import { formatTotals } from "../render/stat.js";
import { trustEndText } from "../render/trust-account.js";
import { reportAbandoned, withBench } from "../with-bench.js";
import { EditorLink } from "./editor-link.js";

export type AcpOptions = SessionOptions & AgentOptions & { readonly agent: string };

const notFound = 127;

/** Says what became of the agent's work, which stays for a review. */
async function tellKept(context: CommandContext, bench: Workbench, record: SessionRecord): Promise<void> {
  if (record.state === "discarded" || record.state === "discarding") {
    context.warn(`session ${record.id} was discarded by another command`);
    return;
  }
  const totals = await countTotals(bench, record);
  context.note(`airlock: kept session ${record.id}: ${formatTotals(totals)}; airlock review ${record.id}`);
}

function whyEnded(agent: string, { exitCode, reason }: RunOutcome): string {
  if (reason !== null) return `${agent} was stopped: ${reason}`;
  const found = exitCode === notFound ? ": its program is not in the image" : "";
  return `${agent} has ended with ${exitCode}${found}`;
}

async function serve(
  context: CommandContext,
  bench: Workbench,
  given: AcpOptions,
  link: EditorLink,
): Promise<{ readonly outcome: RunOutcome; readonly title: string }> {
  const { edge } = context;
  const { command, options, agent } = await withAgent(context, bench, [], given, { speaksAcp: true });
  const { plan, env } = await makePlan(context, bench, options, { command, tty: false, agent });
  const secrets = await collectEnv(edge, options);
  bench.known.learn(secrets.values());
  const { name, title } = agent.profile;
  const say = (text: string): void => context.warn(escapeText(text));
  const desks: AcpSession[] = [];
  try {
    const outcome = await runSession(bench, {
      plan,
      terminal: link.terminal,
      env: new Map([...agent.env, ...env, ...secrets]),
      term: undefined,
      cwd: "",
      discards: false,
      onNotice: say,
      onTrustEnd: (account, session) => context.warn(trustEndText(account, session)),
      onQuestion: async () => null,
      onOpen: async ({ record }) => {
        announceSession(context, record);
        await announceAws(context, bench, record);
        await announceTrust(context, bench, record, plan.trust);
        await bench.recorder(record.id)({ kind: "acp.open", data: { agent: name, command } });
        const desk = new AcpSession(bench, record, { agent: name, say });
        desks.push(desk);
        link.open(new AcpRelay({ toEditor: link.toEditor, toAgent: link.toAgent, desk }));
        context.note(`airlock: session ${record.id}: ${title} works in its sandbox`);
      },
    });
    await link.close(`Airlock: ${whyEnded(title, outcome)}`);
    return { outcome, title };
  } finally {
    await link.close("Airlock: the sandbox was stopped");
    for (const desk of desks) await desk[Symbol.asyncDispose]();
  }
}

/** `airlock acp`: an agent in a sandbox for an editor, until one of them is gone. */
export async function serveAcp(context: CommandContext, options: AcpOptions): Promise<number> {
  const { edge } = context;
  if (edge.stdin.isTTY === true)
    context.note("airlock: this speaks to an editor, line by line; the editor's settings name it as an agent");
  const link = new EditorLink(edge);
  try {
    return await withBench(context, async (bench) => {
      bench.prepare();
      await reportAbandoned(context, bench);
      const { outcome, title } = await serve(context, bench, options, link);
      if (outcome.exitCode !== 0 && !link.isLeft) context.warn(whyEnded(title, outcome));
      await tellKept(context, bench, outcome.record);
      return link.isLeft ? 0 : outcome.exitCode;
    });
  } catch (error) {
    const hint = isAirlockError(error) && error.hint !== undefined ? ` (${error.hint})` : "";
    await link.refuse(`Airlock: ${escapeText(messageOf(error) + hint)}`);
    throw error;
  }
}

/** `apiclient wait`: until a host is as the next command needs it. */
import { KeptConnection } from "../../../../api/client/transport.ts";
import { machineClock } from "../../../../lib/clock.ts";
import { progress } from "../../../../lib/progress.ts";
import { conditionKinds, conditionText, judgeConditions, parseCondition } from "./condition.ts";
import { apiCommand } from "../context.ts";
import { timeoutOption } from "./timeout-option.ts";
import { exitCodesText, until, waitExitCodes } from "./until.ts";

const kinds = Object.entries(conditionKinds);

export const wait = apiCommand({
  name: "wait",
  summary: "Wait until all of some conditions hold",
  description: `${kinds.map(([name, description]) => `${name}: ${description}.`).join("\n")}
Goes on while the host cannot be reached.
Exit code 3: a condition never holds, and why is told.
${exitCodesText}`,
  examples: [
    { run: "apiclient wait container/admin", description: "before `apiclient exec admin`" },
    { run: "apiclient wait configured node --timeout 10m", description: "both, after a boot" },
  ],
  arguments: {
    conditions: {
      value: "CONDITION",
      help: `${kinds.map(([name]) => name).join(", ")}`,
      many: true,
      parse: parseCondition,
      complete: () => kinds.map(([name, help]) => ({ value: name.replace("NAME", ""), help })),
    },
  },
  options: { timeout: timeoutOption("30m") },
  async run({ apiOver, signal }, { conditions, timeout }) {
    using kept = new KeptConnection();
    const host = await apiOver(kept);
    const names = conditions.map(conditionText).join(", ");
    const waited = await until({
      ask: async (soon) => await host.call("getStatus", { signal: soon }),
      judge: (status) => judgeConditions(conditions, status),
      timeoutSeconds: timeout,
      clock: machineClock,
      progress: () => progress(`waiting for ${names}`),
      signal,
    });
    return waited.kind === "there" ? { kind: waited.kind, conditions: names } : waited;
  },
  print: (waited) => (waited.kind === "there" ? `${waited.conditions}: holds` : `not there: ${waited.reason}`),
  exitCode: ({ kind }) => waitExitCodes[kind],
});

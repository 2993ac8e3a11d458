/** `bootstrap`: prepares the machine as settings say, for bootstrap.service. */
import { connect } from "../../api/client/client.ts";
import { isPassing } from "../../api/client/refused.ts";
import { hostSocket } from "../../api/host-socket.ts";
import { modelFor, type Settings } from "../../settings/model/model.ts";
import { bootstrap } from "../bootstrap/bootstrap.ts";
import { readFacts } from "../machine/facts.ts";
import { hostPath, type System } from "../machine/system.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

/** For a daemon that is just being started again; its socket is there all the time. */
const tries = 20;
const betweenTriesMs = 1_000;
/** A reboot stops this program long before. */
const untilStoppedMs = 10 * 60_000;

const run = hostCommand({
  name: "run",
  summary: "Run bootstrap commands and containers, and fail when an essential one does",
  examples: [{ run: "bootstrap run", description: "as bootstrap.service does" }],
  async run({ system, invocation: { signal, note } }) {
    const { variant } = await readFacts(system);
    const api = connect({ socket: hostPath(system, hostSocket) });
    const settings = async (until: AbortSignal): Promise<Settings> =>
      await answered(system, until, async () =>
        modelFor(variant).complete(await api.call("getSettings", { signal: until })),
      );
    const outcome = await bootstrap({ system, api, settings, note }, signal);
    // What waits for this must not begin while the machine goes down.
    if (outcome.kind === "rebooting") await system.clock.sleep(untilStoppedMs, signal);
    return outcome;
  },
  print: ({ kind }) => `bootstrap: ${kind}`,
  exitCode: ({ kind }) => (kind === "prepared" ? 0 : 1),
});

async function answered<Answer>(system: System, signal: AbortSignal, ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || attempt === tries) throw error;
      await system.clock.sleep(betweenTriesMs, signal);
    }
  }
}

export const bootstrapProgram = hostProgram({
  name: "bootstrap",
  summary: "Prepare this machine before workloads start",
  commands: [run],
});

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(bootstrapProgram, words);
}

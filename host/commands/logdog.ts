/** `logdog`: an archive for whoever helps, with the logs and the state of this host and none of its secrets. */
import { connect } from "../../api/client/client.ts";
import { hostSocket } from "../../api/client/transport.ts";
import { runProgram } from "../../lib/command/command-line.ts";
import { commandsWith, program, type Invocation, type Program } from "../../lib/command/command.ts";
import { removeLeftovers, writeFileAtomic } from "../../lib/files/files.ts";
import { version } from "../../package.json";
import { modelFor } from "../../settings/model/model.ts";
import { readFacts } from "../machine/facts.ts";
import { archivePath, collect, pack } from "../logdog/bundle.ts";
import { requestsFor } from "../logdog/requests.ts";
import { masker, openSettings } from "../logdog/secrets.ts";
import { hostPath, linuxSystem, type System } from "../machine/system.ts";

type Context = { system: System; invocation: Invocation };
const command = commandsWith<Context>();

const collectLogs = command({
  name: "collect",
  summary: "Write a support archive",
  description: `Values of secret settings, user data, passwords in addresses and private keys are taken out wherever they
turn up, logs of containers included. Without the API nothing is collected: what is secret could not be known.`,
  examples: [{ run: "logdog collect", says: `writes ${archivePath}` }],
  options: {
    output: {
      type: "text",
      value: "FILE",
      help: "Where it goes",
      short: "o",
      default: archivePath,
      complete: "files",
    },
  },
  async run({ system, invocation: { signal } }, { output }) {
    await removeLeftovers(hostPath(system, output)); // of one that was killed: as large as an archive
    const { variant } = await readFacts(system);
    const model = modelFor(variant);
    const api = connect({ socket: hostPath(system, hostSocket) });
    const settings = await api.call("getSettings", { signal });
    const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
    const known = {
      "settings.json": async () => await Promise.resolve(pretty(openSettings(model, settings))),
      "status.json": async () => pretty(await api.call("getStatus", { signal })),
    };
    const content = await collect(system, requestsFor(variant.orchestrator), known, masker(model, settings), signal);
    // Logs may say what only the administrator of this host is to know.
    await writeFileAtomic(hostPath(system, output), await pack("orlop-logs", content), 0o600);
    return { output, files: Object.keys(content), incomplete: "logdog.errors" in content };
  },
  print: ({ output, incomplete }) =>
    `logs are at ${output}${incomplete ? "; what could not be had is in logdog.errors inside" : ""}`,
});

export function logdog(system: System): Program {
  return program({
    name: "logdog",
    summary: "Collect what helps to find out what is wrong with this host",
    version,
    options: {},
    groups: {},
    commands: [collectLogs],
    unnamed: { command: collectLogs.name, options: ["-o", "--output"] },
    context: (invocation) => ({ system, invocation }),
  });
}

export async function main(words: readonly string[]): Promise<never> {
  // As people know it from Bottlerocket: the name alone collects.
  return await runProgram(logdog(linuxSystem()), words.length === 0 ? [collectLogs.name] : words);
}

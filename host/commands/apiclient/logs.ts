/** `apiclient logs`: what a host container said, or everything that helps to find out what is wrong with a host. */
import { open, rename, rm } from "node:fs/promises";
import { usageFailure } from "../../../lib/command/command.ts";
import { afterFailure, Failure } from "../../../lib/failure.ts";
import { apiCommand, type ClientContext } from "./context.ts";

const linesMost = 1000;

export const logs = apiCommand({
  name: "logs",
  summary: "Print the last lines of a host container, or fetch a support archive of the host",
  description: `A container's lines are its own and those of what runs it. The support archive has logs and state of the whole
host, and none of its secrets.`,
  examples: [
    { run: "apiclient logs admin", description: "the last 100 lines" },
    { run: "apiclient logs --bundle", description: "writes orlop-logs.tar.gz" },
  ],
  arguments: { name: { value: "NAME", help: "Of settings.host-containers", optional: true } },
  options: {
    lines: {
      type: "text",
      value: "N",
      help: `How many, ${linesMost} at most`,
      short: "n",
      default: "100",
      parse: lineCount,
    },
    bundle: { type: "boolean", help: "Fetch the support archive" },
    output: {
      type: "text",
      value: "FILE",
      help: "Where the archive goes; - is standard output",
      short: "o",
      default: "orlop-logs.tar.gz",
      complete: "files",
    },
  },
  async run(context, { name, lines, bundle, output }) {
    if (bundle === (name !== undefined)) throw usageFailure("either the name of a container or --bundle is expected");
    if (name === undefined) return await archive(context, output);
    const { api, signal } = context;
    const [container] = await (await api()).call("getHostContainers", { query: { name, lines }, signal });
    if (container !== undefined) return container.log;
    throw new Failure(
      "no-such-container",
      `cannot print the logs of ${name}: settings.host-containers has no such one`,
    );
  },
  print: (lines) => lines.join("\n"),
});

function lineCount(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= linesMost) return Number(text);
  throw new Failure("bad-number", `a number from 0 to ${linesMost} is expected, not "${text}"`);
}

async function archive({ api, signal, invocation }: ClientContext, output: string): Promise<string[]> {
  const host = await api();
  if (output === "-") {
    await host.download("supportArchive", invocation.conversation().output, signal);
    return [];
  }
  const part = `${output}.part`;
  try {
    await using file = await open(part, "w", 0o600);
    await host.download("supportArchive", async (bytes) => await file.appendFile(bytes), signal);
  } catch (error) {
    throw await afterFailure(error, async () => {
      await rm(part, { force: true });
    });
  }
  await rename(part, output);
  return [`wrote ${output}`];
}

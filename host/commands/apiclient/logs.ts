/** `apiclient logs`: what a host container said. */
import { Failure } from "../../../lib/failure.ts";
import { apiCommand } from "./context.ts";

export const logs = apiCommand({
  name: "logs",
  summary: "Print the last lines of a host container, and of what runs it",
  examples: [{ run: "apiclient logs admin", says: "the last 100 lines" }],
  arguments: { name: { value: "NAME", help: "Of settings.host-containers" } },
  async run({ api, signal }, { name }) {
    const [container] = await (await api()).call("getHostContainers", { query: { name, lines: 100 }, signal });
    if (container !== undefined) return container.log;
    throw new Failure(
      "no-such-container",
      `cannot print the logs of ${name}: settings.host-containers has no such one`,
    );
  },
  print: (lines) => lines.join("\n"),
});

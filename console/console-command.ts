/** `apiclient console`: the host as a page, served to this computer's browser. */
import { KeptConnection } from "../api/client/transport.ts";
import { apiCommand } from "../host/commands/apiclient/context.ts";
import { untilAborted } from "../lib/abortable.ts";
import { portOf } from "../lib/command/port.ts";

export const consoleCommand = apiCommand({
  name: "console",
  summary: "Show the host as a page in a browser of this computer",
  description: `Prints an address that works once, and serves it on loopback until it is interrupted. The page has what \`status\`, \`plan\`,
\`history\`, \`update explain\` and \`logs\` say, as it changes. It only looks, unless --write lets it do what the caller's role allows:
change and try settings, update, reboot, and open terminals in host containers. It shows no secret, also not to administrators.`,
  examples: [
    { run: "apiclient console", description: "to look" },
    { run: "apiclient --context deck console --write", description: "to look, and to change what the role allows" },
  ],
  options: {
    write: { type: "boolean", help: "Let the page change what the role of the caller allows", short: "w" },
    port: {
      type: "text",
      value: "PORT",
      help: "Of loopback; a free one unless given",
      default: "0",
      parse: (text: string) => portOf(text, 0),
    },
  },
  async run(context, { write, port }) {
    const { openConsole } = await import("./server/open-console.ts");
    using kept = new KeptConnection();
    await using server = await openConsole(context, kept, { mayWrite: write, port });
    context.invocation.note(`open ${server.firstVisit}\nIt works once; Ctrl-C ends it.`);
    await untilAborted(context.signal);
  },
  print: () => "",
});

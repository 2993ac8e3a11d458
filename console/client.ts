/** `apiclient` as people have it on their computers: the one of hosts, and the console. */
import { apiclient } from "../host/commands/apiclient.ts";
import type { Program } from "../lib/command/command.ts";
import { consoleCommand } from "./console-command.ts";

const { commands } = apiclient;
const status = commands.findIndex(({ name }) => name === "status");

export const laptopClient: Program = {
  ...apiclient,
  commands: [...commands.slice(0, status + 1), consoleCommand, ...commands.slice(status + 1)] as Program["commands"],
};

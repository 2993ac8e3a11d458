/** `hostd` as a program: its options, and the machine or directory that it runs on. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { hostSocket } from "../../api/host-socket.ts";
import { defined } from "../../lib/defined.ts";
import { explain } from "../../lib/failure.ts";
import { version } from "../../package.json";
import { apiGroup, type SocketPlace } from "../apiserver/server/socket-server.ts";
import { activationSocket } from "../machine/linux.ts";
import { hostPath, linuxSystem, type System } from "../machine/system.ts";
import { hostd } from "./hostd.ts";

const usage = `hostd: the daemon of an Orlop host: API, settings, boot, reconcilers

  hostd                              on a host, as a service
  hostd --root DIR [--socket PATH]   on a developer's machine; DIR stands for the host
`;

export async function main(words: readonly string[]): Promise<void> {
  const options = optionsIn(words);
  if (options === undefined || options.help) {
    process[options === undefined ? "stderr" : "stdout"].write(usage);
    process.exit(options === undefined ? 2 : 0);
  }
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort(new Error(`got ${name}`)));
  try {
    await hostd(await systemAt(options.root), socketAt(options), stop.signal);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`<3>hostd: ${explain(error).replaceAll("\n", "\n<3>")}\n`);
    process.exit(1);
  }
}

function optionsIn(words: readonly string[]): { root: string; socket: string | undefined; help: boolean } | undefined {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: { root: { type: "string" }, socket: { type: "string" }, help: { type: "boolean", short: "h" } },
    });
    return { root: resolve(values.root ?? "/"), socket: values.socket, help: values.help ?? false };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`hostd: ${error.message}\n`);
    return undefined;
  }
}

async function systemAt(root: string): Promise<System> {
  if (root === "/") return linuxSystem();
  const { developmentSystem } = await import("./development.ts");
  return developmentSystem(root, version);
}

function socketAt({ root, socket }: { root: string; socket: string | undefined }): SocketPlace {
  const listeningDescriptor = socket === undefined ? activationSocket() : undefined;
  return {
    path: socket ?? hostPath({ root }, hostSocket),
    gid: root === "/" ? apiGroup : undefined,
    ...defined({ listeningDescriptor }),
  };
}

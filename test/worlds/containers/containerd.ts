/**
 * A real containerd on this machine, with the programs and the configuration that hosts have for their own
 * containers, in directories of its own.
 *
 * It needs root: it mounts, and its containers are real ones. The machine itself is not touched.
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openContainerd, type Containerd } from "../../../host/containers/containerd/containerd.ts";
import { containerd17Programs } from "../../../variants/kubernetes.ts";
import { basePrograms } from "../../../variants/variant.ts";
import { eventually } from "../../eventually.ts";
import { openRuntime } from "./runtime.ts";

/** That of hosts, or the one that they had before. */
type ContainerdVersion = "2" | "1.7";

export type TestContainerd = AsyncDisposable & {
  containerd: Containerd;
  directory: string;
  restart: (version?: ContainerdVersion) => Promise<void>;
};

/** What it writes, by the name of our directory for it. */
const places = { run: "/run", data: "/var/lib/host-containerd" };

/** What hosts had for it. */
const configurationOf17 = `version = 2
root = "/var/lib/host-containerd"
state = "/run/host-containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/host-containerd/containerd.sock"
`;

/** @param environmentIn what containerd starts with, given the directory that it sees as it is here */
export async function testContainerd(
  namespace = "test",
  environmentIn: (directory: string) => Promise<Record<string, string>> = async () => Promise.resolve({}),
): Promise<TestContainerd> {
  const tools = await openRuntime({ ...basePrograms, ...containerd17Programs });
  const directory = await mkdtemp(join(tmpdir(), "containerd-"));
  const socket = join(directory, "run/host-containerd/containerd.sock");
  const configs = { "2": join(directory, "config.toml"), "1.7": join(directory, "config-1.7.toml") };
  // Shims listen in /run too, where a containerd that is started again finds them.
  for (const name of Object.keys(places)) await mkdir(join(directory, name));
  await copyFile(join(import.meta.dir, "../../../os/containerd/host-containerd.toml"), configs["2"]);
  await writeFile(configs["1.7"], configurationOf17);
  // Mounts and processes as root has them on this machine; only the files are those of a host.
  const machine = ["--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc", "--bind", "/sys", "/sys"];
  const own = Object.entries(places).flatMap(([name, place]) => ["--bind", join(directory, name), place]);
  const files = [...machine, "--tmpfs", "/tmp", ...own];
  const sandbox = ["bwrap", "--die-with-parent", "--cap-add", "ALL", "--bind", tools.directory, "/", ...files];
  const env = { ...process.env, ...(await environmentIn(directory)) };
  const start = (version: ContainerdVersion) => {
    const programs = version === "2" ? "/usr/bin" : "/usr/lib/containerd-1.7";
    const argv = [`${programs}/containerd`, "--config", configs[version]];
    return Bun.spawn([...sandbox, "--bind", directory, directory, ...argv], {
      // Its own shim comes first.
      env: { ...env, PATH: `${programs}:/usr/sbin:/usr/bin` },
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(directory, "log")),
    });
  };
  let daemon = start("2");
  const stop = async (): Promise<void> => {
    daemon.kill("SIGTERM");
    await daemon.exited;
  };
  const containerd = openContainerd(socket, namespace);
  await eventually(async () => void (await containerd.images.list({})));
  return {
    containerd,
    directory,
    async restart(version = "2") {
      await stop();
      daemon = start(version);
      await eventually(async () => void (await containerd.images.list({})));
    },
    async [Symbol.asyncDispose]() {
      containerd[Symbol.dispose]();
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

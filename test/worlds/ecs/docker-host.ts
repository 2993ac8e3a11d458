/**
 * What of an instance of ECS runs on this machine: the containerd, the Docker Engine and the supplied agent of aws-ecs-1, with
 * the files that a host renders from settings, in a root and mounts of their own.
 *
 * What only a host has is left out: its network for containers, the journal, and systemd's control groups.
 */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { dockerDaemon } from "../../../host/files/ecs/docker-daemon.ts";
import { ecsConfig } from "../../../host/files/ecs/ecs-config.ts";
import { proxyEnvironment } from "../../../host/files/proxy.ts";
import { trustStore } from "../../../host/files/trust-store.ts";
import { InputFile, inputTools, type KeyedDirectory } from "../../../image/inputs.ts";
import { epochSecondsOf, readLock, type LockedPackage } from "../../../image/packages/lock.ts";
import { machineArchitecture, openToolsRoot } from "../../../image/packages/tools-root.ts";
import { unpackPackages } from "../../../image/packages/unpack-packages.ts";
import { makeProgram, placeProgram } from "../../../image/recipes/programs.ts";
import { rootPackages } from "../../../image/root/packages.ts";
import { step } from "../../../image/step.ts";
import { makePauseImage, pauseArchives, placePauseImage } from "../../../image/steps/pause.ts";
import { readTextIfPresent } from "../../../lib/files/files.ts";
import { parseJson } from "../../../lib/text/json.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { awsEcs1 } from "../../../variants/aws-ecs-1.ts";
import { basePrograms } from "../../../variants/variant.ts";
import { eventually } from "../../eventually.ts";
import { factsOf } from "../host/settings.ts";

const agentPath = "usr/bin/amazon-ecs-agent";
const mountPoints = ["dev", "proc", "run", "sys", "tmp", "etc/docker", "etc/ssl/certs", "var/lib", "lab"];

const makeEngineRoot = step({
  name: () => `docker-${machineArchitecture()}`,
  label: () => "the Docker Engine of aws-ecs-1, for tests",
  module: import.meta.path,
  inputs: async ({ programs, pause }: { programs: Readonly<Record<string, InputFile>>; pause: KeyedDirectory }) => {
    const { host, variant } = rootPackages(await readLock(machineArchitecture()), awsEcs1, undefined);
    return {
      programs,
      pause,
      packages: [...host, ...variant].filter(({ name }: LockedPackage) => !name.startsWith("linux-")),
    };
  },
  async make(directory, { programs, pause, packages }, fetch) {
    await unpackPackages(packages, directory, { label: "unpacking Docker Engine", exclude: [] }, fetch);
    for (const [place, { path }] of Object.entries(programs)) await placeProgram(path, join(directory, place));
    await placePauseImage(directory, "ecs", pause);
    for (const place of mountPoints) await mkdir(join(directory, place), { recursive: true });
    await writeFile(join(directory, "etc/resolv.conf"), "");
    await writeFile(join(directory, "etc/hosts"), "127.0.0.1 localhost\n");
    await writeFile(join(directory, "etc/group"), "root:x:0:\n");
  },
});

async function pauseImage(): Promise<KeyedDirectory> {
  const architecture = machineArchitecture();
  const lock = await readLock(architecture);
  const subject = { tools: await inputTools({}), lock, architecture, epochSeconds: epochSecondsOf(lock) };
  return await makePauseImage({ ...subject, ...pauseArchives["ecs"] }, {});
}

async function engineRoot(agent: string): Promise<string> {
  const programs: Record<string, InputFile> = {};
  for (const [place, name] of Object.entries(basePrograms)) {
    const { path, sha256 } = await makeProgram(name, { architecture: machineArchitecture() });
    programs[place] = new InputFile(path, sha256);
  }
  const sha256 = new Bun.CryptoHasher("sha256").update(await Bun.file(agent).bytes()).digest("hex");
  programs[agentPath] = new InputFile(agent, sha256);
  return (await makeEngineRoot({ programs, pause: await pauseImage() }, {})).directory;
}

const Containers = z.array(
  z.looseObject({ Id: z.string(), State: z.string(), Labels: z.record(z.string(), z.string()) }),
);

export class DockerHost implements AsyncDisposable {
  readonly directory: string;
  readonly #shell: Bun.Subprocess<"pipe", "ignore", "ignore">;

  private constructor(directory: string, shell: Bun.Subprocess<"pipe", "ignore", "ignore">) {
    this.directory = directory;
    this.#shell = shell;
  }

  /**
   * @param agent the program that is supplied as the agent of ECS
   * @param metadata URL of the metadata service
   */
  static async start(settings: Settings, agent: string, metadata: string): Promise<DockerHost> {
    const root = await engineRoot(agent);
    const tools = await openToolsRoot({ sets: ["busybox"] });
    const directory = await mkdtemp(join(tmpdir(), "docker-host-"));
    for (const name of ["run", "lib/ecs/data", "log"]) await mkdir(join(directory, name), { recursive: true });
    await copyFile(join(tools.directory, "usr/bin/busybox"), join(directory, "busybox"));
    await renderFiles(settings, directory);
    await writeFile(join(directory, "start.sh"), await startScript(directory, metadata));
    const machine = [
      "--dev-bind",
      "/dev",
      "/dev",
      "--bind",
      "/proc",
      "/proc",
      "--bind",
      "/sys",
      "/sys",
      "--tmpfs",
      "/tmp",
    ];
    const own = {
      run: "/run",
      lib: "/var/lib",
      "etc/docker": "/etc/docker",
      "etc/ssl/certs": "/etc/ssl/certs",
      ".": "/lab",
    };
    const binds = Object.entries(own).flatMap(([name, place]) => ["--bind", join(directory, name), place]);
    const shell = Bun.spawn(
      [
        "bwrap",
        "--die-with-parent",
        "--cap-add",
        "ALL",
        "--bind",
        root,
        "/",
        ...machine,
        ...binds,
        "/lab/busybox",
        "sh",
        "/lab/start.sh",
      ],
      { stdin: "pipe", stdout: "ignore", stderr: "ignore" },
    );
    return new DockerHost(directory, shell);
  }

  /** Starts one of the three, or starts it again. */
  async restart(daemon: "containerd" | "dockerd" | "agent"): Promise<void> {
    const begun = `begun-${randomUUID()}`;
    await this.#shell.stdin.write(`restart ${daemon} ${begun}\n`);
    await this.#shell.stdin.flush();
    await eventually(async () => void (await stat(join(this.directory, begun))), 60_000);
    if (daemon === "dockerd") await eventually(async () => void (await this.version()), 60_000);
  }

  async version(): Promise<string> {
    const answer = await this.#ask("/version");
    return z.looseObject({ Version: z.string() }).parse(parseJson(answer)).Version;
  }

  /** Containers of tasks that run, by the ARN of the task. */
  async running(): Promise<Map<string, string>> {
    const containers = Containers.parse(parseJson(await this.#ask("/v1.41/containers/json")));
    return new Map(containers.map(({ Id, Labels }) => [Labels["com.amazonaws.ecs.task-arn"] ?? "", Id]));
  }

  async log(name: "containerd" | "dockerd" | "agent"): Promise<string> {
    return await readFile(join(this.directory, "log", name), "utf8");
  }

  async #ask(path: string, method = "GET"): Promise<string> {
    const answer = await fetch(`http://docker${path}`, { method, unix: join(this.directory, "run/docker.sock") });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Docker Engine answers ${answer.status} to ${path}: ${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await this.running().catch(() => new Map<string, string>());
    for (const id of left.values()) await this.#ask(`/v1.41/containers/${id}/kill`, "POST");
    await this.#shell.stdin.write("end\n");
    await this.#shell.stdin.flush();
    await this.#shell.exited;
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function renderFiles(settings: Settings, directory: string): Promise<void> {
  const facts = factsOf("aws-ecs-1");
  for (const group of [dockerDaemon, ecsConfig, proxyEnvironment, trustStore]) {
    for (const file of group.render(settings, facts)) {
      const path = join(directory, file.path);
      if (!("content" in file)) continue;
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.content, { mode: file.mode });
    }
  }
  const path = join(directory, "etc/docker/daemon.json");
  const daemon = z.record(z.string(), z.unknown()).parse(parseJson(await readFile(path, "utf8")));
  const here = {
    ...daemon,
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "log-driver": "json-file",
    bridge: "none",
    iptables: false,
  };
  await writeFile(path, JSON.stringify(here));
}

/** What a unit has of its environment files, for a shell. */
async function exportsIn(directory: string, ...files: string[]): Promise<string> {
  const lines: string[] = [];
  for (const file of files) {
    const text = (await readTextIfPresent(join(directory, file))) ?? "";
    for (const [, name = "", value = ""] of text.matchAll(/^([^=]+)=(.*)$/gm)) {
      const plain = value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value;
      lines.push(`export ${name}='${plain.replaceAll("'", `'\\''`)}'`);
    }
  }
  return lines.join("\n");
}

/** One shell starts all of them, since they share mounts. */
async function startScript(directory: string, metadata: string): Promise<string> {
  const proxy = await exportsIn(directory, "etc/network/proxy.env");
  const agent = await exportsIn(directory, "etc/ecs/ecs.config");
  return `PATH=/usr/sbin:/usr/bin
export PATH
containerd() { exec /usr/bin/containerd; }
dockerd() {
${proxy}
exec /usr/sbin/dockerd --config-file=/etc/docker/daemon.json --host=unix:///run/docker.sock --group=root; }
agent() {
${proxy}
${agent}
export AWS_EC2_METADATA_SERVICE_ENDPOINT=${metadata} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
exec /${agentPath}; }
stop() { eval "pid=\\$pid_$1"; [ -z "$pid" ] || { kill $pid; wait $pid; }; }
while read -r command daemon begun; do
  case "$command" in
    restart) stop $daemon; ( $daemon ) >> /lab/log/$daemon 2>&1 & eval "pid_$daemon=$!"; : > /lab/$begun;;
    end) stop agent; stop dockerd; stop containerd; exit 0;;
  esac
done
`;
}

/** `host-ctr`: runs one container of the host in the foreground, for its unit. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { runProgram } from "../../lib/command/command-line.ts";
import { commandsWith, program, type Invocation, type Program } from "../../lib/command/command.ts";
import { Failure } from "../../lib/failure.ts";
import { isPresent, readTextIfPresent, removeLeftovers, writeFileAtomic } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import { openContainerd } from "../containers/containerd/containerd.ts";
import {
  containerId,
  containerTypes,
  descriptionPath,
  imageDigestPath,
  persistentDirectory,
  registriesPath,
  type Description,
  hostContainerd,
} from "../containers/description.ts";
import { describedNames, readDescription } from "../containers/described.ts";
import { collectGarbage, usedShareOf } from "../containers/garbage.ts";
import { bringImage } from "../containers/pull.ts";
import { pullTurn } from "../containers/pull-turn.ts";
import { parseReference } from "../containers/registry/reference.ts";
import { registriesSchema } from "../containers/registry/registries.ts";
import type { Fetch } from "../containers/registry/registry.ts";
import { runContainer } from "../containers/run-container.ts";
import { preparedDirectories, specOf } from "../containers/spec.ts";
import { sdNotify } from "../machine/linux.ts";
import { hostPath, linuxSystem, type System } from "../machine/system.ts";
import { authoritiesPath, requestThrough, routeIn, takeProxyVariables } from "../machine/outbound.ts";

type Context = { system: System; invocation: Invocation };
const command = commandsWith<Context>();

const turnsDirectory = "/run/orlop/pulls";
const imagesDirectory = "/var/lib/host-containerd";
/** For a network that is still coming up: 1, 2, 4, … s between them. */
const pullTries = 6;

const run = command({
  name: "run",
  summary: "Run a container that hostd has described, until it ends or this is told to stop",
  examples: [{ run: "host-ctr run host admin", says: "as host-container@admin.service does" }],
  arguments: {
    type: { value: "TYPE", help: "Which kind of container", choices: containerTypes },
    name: { value: "NAME", help: "Its name in the settings" },
  },
  async run({ system, invocation }, { type, name }) {
    return await runDescribed(system, await described(system, { type, name }), invocation.signal);
  },
  print: ({ exitCode }) => `exit code ${exitCode}`,
  exitCode: ({ exitCode, stopped }) => (stopped ? 0 : exitCode),
});

const cleanUp = command({
  name: "clean-up",
  summary: "Remove images that no setting names any more",
  description: "A week after they were last used, or at once when the disk is more than 85 % full.",
  examples: [{ run: "host-ctr clean-up", says: "as host-images-cleanup.timer has it done" }],
  async run({ system }) {
    using containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
    const at = { now: system.clock.now(), usedShare: await usedShareOf(hostPath(system, imagesDirectory)) };
    const asked = (await describedImages(system)).map((source) => parseReference(source).name);
    return (await collectGarbage({ containerd, log: system.log }, asked, at)).map(({ name }) => name);
  },
  print: (removed) =>
    removed.length === 0 ? "nothing to remove" : removed.map((name) => `removed ${name}`).join("\n"),
});

/** Of every container that hostd has described. */
async function describedImages(system: System): Promise<string[]> {
  const sources: string[] = [];
  for (const type of containerTypes) {
    for (const name of await describedNames(system, type)) {
      const description = await readDescription(system, { type, name });
      if (description !== undefined) sources.push(description.source);
    }
  }
  return sources;
}

async function runDescribed(system: System, description: Description, stop: AbortSignal) {
  using containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
  const { log } = system;
  const id = containerId(description);
  // A container finds its way out as the host does.
  const environment = takeProxyVariables();
  const directory = hostPath(system, join("/run/orlop/container-pipes", id));
  return await runContainer(
    { containerd, id, directory, systemd: true, log },
    async () => {
      const kept = hostPath(system, persistentDirectory(description));
      await mkdir(kept, { recursive: true, mode: 0o700 });
      const userData = Buffer.from(description.userData ?? "", "base64");
      await removeLeftovers(join(kept, "user-data")); // the container would see them
      await writeFileAtomic(join(kept, "user-data"), userData, 0o600);
      const registries = registriesSchema.parse(parseJson(await readFile(hostPath(system, registriesPath), "utf8")));
      const context = { containerd, registries, fetch: await hostFetch(system, environment), log };
      const reference = parseReference(description.source);
      const image = await tried(system, stop, async () => {
        await using _turn = await pullTurn(system.clock, hostPath(system, turnsDirectory), reference.name, stop);
        return await bringImage(context, reference, stop);
      });
      await writeFileAtomic(hostPath(system, imageDigestPath(description)), image.digest);
      const prepared = description.type === "bootstrap" ? await presentOf(system, preparedDirectories) : [];
      return { image, spec: specOf({ description, image: image.config, environment, systemd: true, prepared }) };
    },
    () => void sdNotify("READY=1"),
    stop,
  );
}

async function presentOf(system: System, paths: readonly string[]): Promise<string[]> {
  const present = await Promise.all(paths.map(async (path) => await isPresent(hostPath(system, path))));
  return paths.filter((_, at) => present[at] === true);
}

async function described(system: System, container: Pick<Description, "type" | "name">): Promise<Description> {
  const description = await readDescription(system, container);
  if (description !== undefined) return description;
  const path = descriptionPath(container);
  throw new Failure("no-such-container", `cannot run ${container.type} container ${container.name}: no ${path}`, {
    hint: "its unit is started by hostd, when its settings say so",
  });
}

async function tried<Result>(system: System, stop: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      stop.throwIfAborted();
      if (attempt === pullTries) throw error;
      system.log.error("image: tried again", error);
      await system.clock.sleep(1000 * 2 ** (attempt - 1), stop);
    }
  }
}

/** Through the proxy of the unit's environment, trusting whom the host trusts. */
async function hostFetch(system: System, environment: Readonly<Record<string, string>>): Promise<Fetch> {
  const route = routeIn(environment, await readTextIfPresent(hostPath(system, authoritiesPath)));
  return async (url, init) => await system.fetch(url, { ...init, ...requestThrough(route, url) });
}

export function hostCtr(system: System): Program {
  return program({
    name: "host-ctr",
    summary: "Containers that belong to the host",
    version,
    options: {},
    groups: {},
    commands: [run, cleanUp],
    context: (invocation) => ({ system, invocation }),
  });
}

export async function main(words: readonly string[]): Promise<never> {
  return await runProgram(hostCtr(linuxSystem()), words);
}

/** Runs, starts and stops containers that hostd has described: the image, the directory with the user data in it, and then itself. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { isPresent, removeLeftovers, writeFileAtomic } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import { setLabel } from "../machine/linux.ts";
import { removeProxyVariables } from "../machine/outbound.ts";
import { securityMode } from "../machine/security-mode.ts";
import { hostPath, type System } from "../machine/system.ts";
import { companionIn } from "./companions/companion.ts";
import { type Containerd, openContainerd } from "./containerd/containerd.ts";
import { readDescription } from "./described.ts";
import {
  containerId,
  descriptionPath,
  hostContainerd,
  imageDigestPath,
  persistentDirectory,
  registriesPath,
  registryHostsDirectory,
  type Description,
} from "./description.ts";
import { labelsOf } from "./spec/labels.ts";
import type { PulledImage } from "./image.ts";
import { pullTurn } from "./pull/pull-turn.ts";
import { bringImage } from "./pull/pull.ts";
import { parseReference } from "./registry/reference.ts";
import { registriesSchema } from "./registry/registries.ts";
import { runContainer } from "./run-container.ts";
import { preparedDirectories, specOf } from "./spec/spec.ts";
import { type Prepared, startContainer } from "./start-container.ts";
import { type ContainerExit, type ContainerPlace, stopContainer } from "./stop-container.ts";
import { tried } from "./pull/tried.ts";

const turnsDirectory = "/run/orlop/pulls";

/** In the foreground, until it ends or is stopped by the signal. @throws {Failure<"no-such-container">} */
export async function runDescribed(
  system: System,
  container: Pick<Description, "type" | "name">,
  stop: AbortSignal,
): Promise<ContainerExit> {
  const description = await described(system, container);
  using place = placeOf(system, container);
  return await runContainer(place, async () => await prepared(system, place.containerd, description, stop), stop);
}

/** Resolves when it runs; its unit has it from then on. @throws {Failure<"no-such-container">} */
export async function startDescribed(system: System, name: string, stop: AbortSignal): Promise<void> {
  const container = { type: "host", name } as const;
  const description = await described(system, container);
  using place = placeOf(system, container);
  await startContainer(place, await prepared(system, place.containerd, description, stop), "inherit");
}

/** Whether it runs or has ended; undefined when it is not there at all. */
export async function stopStarted(system: System, name: string): Promise<ContainerExit | undefined> {
  using place = placeOf(system, { type: "host", name });
  return await stopContainer(place);
}

function placeOf(system: System, container: Pick<Description, "type" | "name">): ContainerPlace & Disposable {
  const containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
  const id = containerId(container);
  const directory = hostPath(system, join("/run/orlop/container-pipes", id));
  const { clock, log } = system;
  return { containerd, id, directory, clock, log, [Symbol.dispose]: () => containerd[Symbol.dispose]() };
}

/** Its image and its directory with the user data in it. */
async function prepared(
  system: System,
  containerd: Containerd,
  description: Description,
  stop: AbortSignal,
): Promise<Prepared> {
  const { log } = system;
  // A container finds its way out as the host does.
  const environment = removeProxyVariables();
  const kept = hostPath(system, persistentDirectory(description));
  await mkdir(kept, { recursive: true, mode: 0o700 });
  const labelled = (await securityMode(system)) !== "disabled";
  // What is in it is out of reach for other containers by this alone.
  if (labelled) setLabel(kept, labelsOf(description).files);
  const userData = Buffer.from(description.userData ?? "", "base64");
  await removeLeftovers(join(kept, "user-data")); // the container would see them
  await writeFileAtomic(join(kept, "user-data"), userData, 0o600);
  const registries = registriesSchema.parse(parseJson(await readFile(hostPath(system, registriesPath), "utf8")));
  const context = { containerd, registries, hostsDirectory: registryHostsDirectory, clock: system.clock, log };
  const reference = parseReference(description.source);
  const companion = companionIn(reference);
  const bring = async (): Promise<PulledImage> => {
    await using _turn = await pullTurn(system.clock, hostPath(system, turnsDirectory), reference.name, stop);
    if (companion !== undefined) {
      // What it asks of the host, other images need not.
      const { bringCompanion } = await import("./companions/bring-companion.ts");
      return await bringCompanion({ system, containerd }, companion, stop);
    }
    return await bringImage(context, reference, stop);
  };
  // A companion is fetched by another unit, which is started once more with this one.
  const image = await tried(system, stop, bring, () => companion === undefined);
  await writeFileAtomic(hostPath(system, imageDigestPath(description)), image.digest);
  const directories = description.type === "bootstrap" ? await presentOf(system, preparedDirectories) : [];
  return { image, spec: specOf({ description, image: image.config, environment, labelled, prepared: directories }) };
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

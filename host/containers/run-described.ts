/** Runs a container that hostd has described: its image, its directory with the user data in it, and then itself. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { isPresent, removeLeftovers, writeFileAtomic } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import { sdNotify, setLabel } from "../machine/linux.ts";
import { removeProxyVariables } from "../machine/outbound.ts";
import { securityMode } from "../machine/security-mode.ts";
import { hostPath, type System } from "../machine/system.ts";
import { bringCompanion } from "./companions/bring-companion.ts";
import { companionIn } from "./companions/companion.ts";
import { openContainerd } from "./containerd/containerd.ts";
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
import { pullTurn } from "./pull-turn.ts";
import { bringImage } from "./pull.ts";
import { parseReference } from "./registry/reference.ts";
import { registriesSchema } from "./registry/registries.ts";
import { runContainer, type ContainerExit } from "./run-container.ts";
import { preparedDirectories, specOf } from "./spec/spec.ts";
import { tried } from "./tried.ts";

const turnsDirectory = "/run/orlop/pulls";

/** Until it ends, or is stopped by the signal. @throws {Failure<"no-such-container">} */
export async function runDescribed(
  system: System,
  container: Pick<Description, "type" | "name">,
  stop: AbortSignal,
): Promise<ContainerExit> {
  const description = await described(system, container);
  using containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
  const { log } = system;
  const id = containerId(description);
  // A container finds its way out as the host does.
  const environment = removeProxyVariables();
  const directory = hostPath(system, join("/run/orlop/container-pipes", id));
  return await runContainer(
    { containerd, id, directory, systemd: true, log },
    async () => {
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
        if (companion !== undefined) return await bringCompanion({ system, containerd }, companion, stop);
        return await bringImage(context, reference, stop);
      };
      // A companion is fetched by another unit, which is started once more with this one.
      const image = await tried(system, stop, bring, () => companion === undefined);
      await writeFileAtomic(hostPath(system, imageDigestPath(description)), image.digest);
      const prepared = description.type === "bootstrap" ? await presentOf(system, preparedDirectories) : [];
      return {
        image,
        spec: specOf({ description, image: image.config, environment, systemd: true, labelled, prepared }),
      };
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

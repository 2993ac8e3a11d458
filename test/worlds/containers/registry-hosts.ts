/** Where containerd looks mirrors up, in a directory that it sees, as a host with these settings has it. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { registryHostsDirectory } from "../../../host/containers/description.ts";
import type { Registries } from "../../../host/containers/registry/registries.ts";
import { registries } from "../../../host/files/containers/registries.ts";
import { factsOf, settingsOf } from "../host/settings.ts";

/** @returns the directory of `hosts.toml` below `root` */
export async function writeRegistryHosts(root: string, { mirrors }: Pick<Registries, "mirrors">): Promise<string> {
  const settings = settingsOf({ "container-registry": { mirrors } });
  const directory = join(root, registryHostsDirectory);
  await mkdir(directory, { recursive: true });
  for (const file of registries.render(settings, factsOf("dev"))) {
    if ("linkTo" in file) continue;
    await mkdir(dirname(join(root, file.path)), { recursive: true });
    await writeFile(join(root, file.path), file.content);
  }
  return directory;
}

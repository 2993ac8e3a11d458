/** The containers that are described on this host, each in a file that the unit which runs it reads. */
import { dirname } from "node:path";
import { namesIn, readTextIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import { hostPath, type System } from "../machine/system.ts";
import { descriptionPath, descriptionSchema, type Description } from "./description.ts";

export async function writeDescription(system: System, description: Description): Promise<void> {
  await writeFileAtomic(hostPath(system, descriptionPath(description)), JSON.stringify(description), 0o600);
}

/** Undefined for a container that is not described. */
export async function readDescription(
  system: System,
  container: Pick<Description, "type" | "name">,
): Promise<Description | undefined> {
  const text = await readTextIfPresent(hostPath(system, descriptionPath(container)));
  return text === undefined ? undefined : descriptionSchema.parse(parseJson(text));
}

/** Names of the containers of a type that are described. */
export async function describedNames(system: System, type: Description["type"]): Promise<string[]> {
  return (await namesIn(hostPath(system, dirname(descriptionPath({ type, name: "any" })))))
    .filter((name) => name.endsWith(".json") && !name.startsWith("."))
    .map((name) => name.slice(0, -".json".length));
}

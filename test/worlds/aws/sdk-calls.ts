/** Which calls of AWS a folder makes, as its imports of the SDK have them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const imports = /import (?:type )?\{([^}]+)\} from "@aws-sdk\/client-(\w+)"/g;

/** "ec2 RegisterImage", sorted, each once. Tests are not counted. */
export async function sdkCallsIn(directory: string): Promise<string[]> {
  const sources = (await readdir(directory)).filter((name) => name.endsWith(".ts") && !name.includes(".test."));
  const calls = new Set<string>();
  for (const name of sources) {
    const source = await readFile(join(directory, name), "utf8");
    for (const [, names = "", service = ""] of source.matchAll(imports)) {
      for (const [, call] of names.matchAll(/\b(\w+)Command\b/g)) calls.add(`${service} ${call}`);
      for (const [, call] of names.matchAll(/\bpaginate(\w+)\b/g)) calls.add(`${service} ${call}`);
    }
  }
  return [...calls].toSorted();
}

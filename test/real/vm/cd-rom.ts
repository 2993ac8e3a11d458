/** A CD-ROM for a machine, as a person burns one. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";

/** Makes an ISO 9660 image with Rock Ridge, and so with the names that the files have. */
export async function makeCdRom(path: string, files: Readonly<Record<string, string>>): Promise<void> {
  const directory = dirname(path);
  const content = `${path}.d`;
  await mkdir(content, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(content, name), text);
  const argv = ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "OVF ENV", "-o", path, content] as const;
  await runTool(await openToolsRoot(), argv, { binds: [directory] });
}

/** A disk image as VMware takes it for transport: compressed grain by grain, and only those that hold something. */
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { runTool, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { assert } from "../../lib/failure.ts";

export type VmdkOptions = {
  image: string;
  output: string;
  /** Of the disk that the guest sees; what is beyond the image holds containers and data. */
  gib: number;
  /** From which the disk's content ID is made, in hexadecimal. */
  identity: string;
  signal: AbortSignal;
};

/** The descriptor is a text in the first sectors, after the header. */
const headBytes = 64 * 1024;

/** The same image gives the same bytes. */
export async function streamOptimizedDisk(
  tools: ToolsRoot,
  { image, output, gib, identity, signal }: VmdkOptions,
): Promise<void> {
  const layer = `${output}.qcow2`;
  const binds = { binds: [dirname(output)], readOnlyBinds: [dirname(image)], signal };
  await runTool(tools, ["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "raw", layer, `${gib}G`], binds);
  const form = "subformat=streamOptimized,adapter_type=lsilogic,hwversion=15";
  await runTool(tools, ["qemu-img", "convert", "-W", "-m", "1", "-O", "vmdk", "-o", form, layer, output], binds);
  await fixContentId(output, identity.slice(0, 8));
}

/** qemu-img draws it by lot, and writes it with as many digits as it has; zeros follow the descriptor. */
async function fixContentId(path: string, id: string): Promise<void> {
  await using file = await open(path, "r+");
  const { buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  const start = buffer.indexOf("# Disk DescriptorFile");
  const end = buffer.indexOf(0, start);
  assert(start > 0 && end > start, "qemu-img writes a descriptor");
  const descriptor = buffer.toString("latin1", start, end).replace(/\nCID=[0-9a-f]+\n/, `\nCID=${id}\n`);
  const text = Buffer.from(descriptor.padEnd(end - start, "\0"), "latin1");
  await file.write(text, 0, text.length, start);
}

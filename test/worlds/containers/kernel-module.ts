/** A kernel module as a cluster's own build makes it: against the headers of the image's kernel, signed by nobody. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defined } from "../../../lib/defined.ts";
import { openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";
import type { Variant } from "../../../variants/variant.ts";

/** Counts what is read from /proc/NAME. */
const source = (name: string): string => `
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static atomic_t reads = ATOMIC_INIT(0);

static int show(struct seq_file *file, void *data)
{
	seq_printf(file, "read %d times\\n", atomic_inc_return(&reads));
	return 0;
}

static int __init start(void)
{
	return proc_create_single("${name}", 0444, NULL, show) ? 0 : -ENOMEM;
}

static void __exit stop(void)
{
	remove_proc_entry("${name}", NULL);
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("counts reads of a file in /proc");
`;

/** Compiles it for this machine's architecture; the result is the bytes of NAME.ko. */
export async function compileModule(
  name: string,
  kernel: Variant["kernel"],
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const tools = await openToolsRoot({ sets: [`modules-${kernel}`], ...defined({ signal }) });
  const directory = await mkdtemp(join(tmpdir(), "kernel-module-"));
  try {
    await writeFile(join(directory, `${name}.c`), source(name));
    await writeFile(join(directory, "Kbuild"), `obj-m := ${name}.o\n`);
    const versions = await readdir(join(tools.directory, "usr/lib/modules"));
    const headers = `/usr/lib/modules/${versions[0]}/build`;
    await runTool(tools, ["make", "-C", headers, `M=${directory}`, "CC=gcc-14", "AWK=mawk", "modules"], {
      binds: [directory],
    });
    await runTool(tools, ["strip", "--strip-debug", `${name}.ko`], { binds: [directory], cwd: directory });
    return await readFile(join(directory, `${name}.ko`));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

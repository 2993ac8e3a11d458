/** The image by which pods have Falco's driver: it loads the module of the kernel that runs, and reads what the driver sees. */
import { chmod, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeToolsImage } from "../../../image/oci/tools-image.ts";
import { epochSecondsOf, readLock } from "../../../image/packages/lock.ts";
import { machineArchitecture, openToolsRoot } from "../../../image/packages/tools-root.ts";
import { compile } from "../../../programs/compile.ts";

/** Modules by the name that a pod asks for, all of them for the kernel of that release. */
export type DriverModules = { release: string; modules: Readonly<Record<string, Uint8Array>> };

/** What a pod of the image runs: it loads the module of its kernel unless that is there, or says why it cannot. */
const loader = `#!/usr/bin/bash
module=/modules/$(uname -r)/scap-$1.ko
[ -e "$module" ] || { echo "no module for kernel $(uname -r)"; exit 1; }
if [ ! -d /sys/module/scap ] && ! insmod "$module"; then
  timeout 2 cat /dev/kmsg | while read -r line; do
    case $line in *Lockdown*|*scap*) echo "$line" ;; esac
  done
  exit 1
fi
exec /usr/bin/scap-reader
`;

/** Makes the layout of the image; the directory goes when the caller is done. */
export async function falcoDriverImage(
  { release, modules }: DriverModules,
  work: string,
): Promise<AsyncDisposable & { layout: string }> {
  const reader = join(work, "scap-reader");
  await compile("test/worlds/modules/scap-reader.ts", "linux-x64", reader);
  return await makeToolsImage({
    packages: await openToolsRoot({ sets: ["prepare"] }),
    async furnish(tree) {
      const [folder, programs] = [join(tree, "modules", release), join(tree, "usr/bin")];
      for (const path of [folder, programs]) await mkdir(path, { recursive: true });
      for (const [name, module] of Object.entries(modules)) await writeFile(join(folder, `scap-${name}.ko`), module);
      await cp(reader, join(programs, "scap-reader"));
      await writeFile(join(programs, "load-driver"), loader);
      for (const name of ["scap-reader", "load-driver"]) await chmod(join(programs, name), 0o755);
    },
    description: "Falco's driver and its loader",
    entrypoint: ["/usr/bin/load-driver"],
    epochSeconds: epochSecondsOf(await readLock(machineArchitecture())),
  });
}

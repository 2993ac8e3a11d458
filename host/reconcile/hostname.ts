/**
 * The kernel's host name from `settings.network.hostname`, which is generated when nobody sets it.
 *
 * An older image accepted names that the kernel cannot hold; they are cut, so that what is read back is what was written.
 */
import { readFile, writeFile } from "node:fs/promises";
import { shortened } from "../../settings/values/network-names.ts";
import { hostPath } from "../machine/system.ts";
import { reconciler } from "./reconciler.ts";

const path = "/proc/sys/kernel/hostname";

export const hostname = reconciler({
  name: "hostname",
  desired: ({ network }) => (network.hostname === undefined ? undefined : shortened(network.hostname)),
  observe: async (system) => (await readFile(hostPath(system, path), "utf8")).trim(),
  plan: (desired, actual) => (desired === undefined || desired === actual ? [] : [desired]),
  describe: (name) => ({ description: `name this host ${name}` }),
  apply: (system, name) => writeFile(hostPath(system, path), name),
  afterFailure: "stop",
});

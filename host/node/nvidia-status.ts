/**
 * How far the GPUs of NVIDIA on this machine are: a part of GET /status. A host that waits for its driver is as it should
 * be, so nothing of this makes one degraded.
 */
import type { StatusBody } from "../../api/status.ts";
import { defined } from "../../lib/defined.ts";
import { isPresent, readTextIfPresent } from "../../lib/files/files.ts";
import { driverRoot } from "../files/nvidia/driver-root.ts";
import type { Facts } from "../machine/facts.ts";
import { hostPath, type System } from "../machine/system.ts";

type NvidiaStatus = NonNullable<StatusBody["nvidia"]>;

/** See Documentation/ABI/stable/sysfs-module of Linux. */
const versionPath = "/sys/module/nvidia/version";

/** Where NVIDIA's own programs look for a library in a driver's root. */
const libraryPlaces = [
  "usr/lib64",
  "usr/lib/x86_64-linux-gnu",
  "usr/lib/aarch64-linux-gnu",
  "lib64",
  "lib/x86_64-linux-gnu",
  "lib/aarch64-linux-gnu",
] as const;
/** By which programs ask the driver for its GPUs. */
const library = "libnvidia-ml.so.1";

/** Undefined on hosts that are not of the flavour. */
export async function nvidiaStatus(system: System, { variant: { groups } }: Facts): Promise<NvidiaStatus | undefined> {
  if (!groups.includes("nvidia-container-runtime")) return undefined;
  const driver = (await readTextIfPresent(hostPath(system, versionPath)))?.trim();
  const reasons =
    driver === undefined
      ? ["waits for a driver: the kernel module nvidia is not loaded"]
      : (await hasLibrary(system))
        ? []
        : [`waits for the rest of the driver: there is no ${library} below ${driverRoot}`];
  return { ...defined({ driver }), ready: reasons.length === 0, reasons };
}

async function hasLibrary(system: System): Promise<boolean> {
  for (const place of libraryPlaces) {
    if (await isPresent(hostPath(system, `${driverRoot}/${place}/${library}`))) return true;
  }
  return false;
}

/**
 * The places that may hold user data, in the order in which they are read; a later one wins per setting.
 *
 * Local defaults come first and local overrides last, whatever a platform says between them, as in Bottlerocket. A
 * variant for one platform looks where that platform has user data; any other asks the firmware which platform this is.
 */
import type { Platform, UserDataSource, Variant } from "../../variants/variant.ts";
import { placed } from "../kept/things.ts";
import { machineVendor } from "../machine/firmware.ts";
import type { System } from "../machine/system.ts";
import { readEc2 } from "./ec2.ts";
import { readFwCfg } from "./fw-cfg.ts";
import { firstUserDataFile, userDataFile } from "./local-file.ts";
import type { ReadUserData } from "./source.ts";
import { readVmwareCdRom } from "./vmware-cd-rom.ts";
import { readVmwareGuestinfo } from "./vmware-guestinfo.ts";

const always = async (): Promise<boolean> => true;

type Place = {
  /** Shown when it cannot be read. */
  name: string;
  read: ReadUserData;
  /** Whether this machine can have it at all: nobody waits for a service that is not there. */
  isPossible: (system: System, variant: Variant) => Promise<boolean>;
};

const places: Record<Exclude<UserDataSource, "local-file">, Place> = {
  "fw-cfg": { name: "QEMU fw_cfg", read: readFwCfg, isPossible: always },
  ec2: { name: "EC2", read: readEc2, isPossible: on("aws", /^Amazon EC2$/) },
  "vmware-cd-rom": { name: "VMware CD-ROM", read: readVmwareCdRom, isPossible: on("vmware", /^VMware/) },
  "vmware-guestinfo": { name: "VMware guestinfo", read: readVmwareGuestinfo, isPossible: vendorIs(/^VMware/) },
};
/** On the data partition. */
export const besideData = { defaults: "/local/user-data-defaults.toml", overrides: "/local/user-data-overrides.toml" };

const before: Place[] = [
  { name: "local defaults", read: userDataFile(besideData.defaults), isPossible: always },
  {
    name: "local user data",
    read: firstUserDataFile(placed.userData, "/var/lib/bottlerocket/user-data.toml"),
    isPossible: always,
  },
];
const after: Place[] = [{ name: "local overrides", read: userDataFile(besideData.overrides), isPossible: always }];

/** The places that a variant looks at and this machine has. */
export async function placesOf(system: System, variant: Variant): Promise<Place[]> {
  const named = variant.userData.flatMap((source) => (source === "local-file" ? [] : [places[source]]));
  const local = variant.userData.includes("local-file");
  const all = local ? [...before, ...named, ...after] : named;
  const present: Place[] = [];
  for (const place of all) if (await place.isPossible(system, variant)) present.push(place);
  return present;
}

function on(platform: Platform, vendor: RegExp): Place["isPossible"] {
  const isVendor = vendorIs(vendor);
  return async (system, variant) => variant.platform === platform || (await isVendor(system, variant));
}

function vendorIs(pattern: RegExp): Place["isPossible"] {
  return async (system) => pattern.test(await machineVendor(system));
}

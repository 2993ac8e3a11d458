/**
 * Protects: an OVA is a machine that boots. The package is opened and its descriptor followed as an importer does: EFI, the
 * stream-optimised disk, a card of vmxnet3, and the properties that a person fills in, in an OVF environment on a CD-ROM
 * (DSP0243, the transport `iso`).
 *
 * Debian's OVMF has no driver for PVSCSI, so the firmware finds the disk on NVMe, and Linux a second one on PVSCSI. QEMU
 * lacks the port by which VMware hands guestinfo over; `host/user-data/sources.test.ts` has that transport.
 */
import { expect, test } from "bun:test";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SaxesParser } from "saxes";
import { readBuild } from "../../../image/finished-build.ts";
import { openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";
import { publishOva } from "../../../publish/vmware/publish-ova.ts";
import type { MachineOptions } from "../../../vm/machine.ts";
import { makeCdRom } from "./cd-rom.ts";
import { imageOf } from "./image.ts";
import { directory, TestHost } from "./test-host.ts";

const work = join(directory, "ova-package");
const diskGib = 6;

/** What an importer takes from a descriptor. */
type Imported = {
  disk: string;
  subtypes: string[];
  firmware: string | undefined;
  transport: string;
  /** Those that a person may fill in, with what they have otherwise. */
  properties: Map<string, string>;
};

function importedFrom(xml: string): Imported {
  const imported: Imported = { disk: "", subtypes: [], firmware: undefined, transport: "", properties: new Map() };
  const parser = new SaxesParser({ xmlns: true });
  let element = "";
  parser.on("opentag", ({ local, attributes }) => {
    element = local;
    const of = (name: string): string => Object.values(attributes).find((entry) => entry.local === name)?.value ?? "";
    if (local === "File") imported.disk = of("href");
    if (local === "Config" && of("key") === "firmware") imported.firmware = of("value");
    if (local === "VirtualHardwareSection") imported.transport = of("transport");
    if (local === "Property" && of("userConfigurable") === "true") imported.properties.set(of("key"), of("value"));
  });
  parser.on("text", (text) => {
    if (element === "ResourceSubType" && text.trim() !== "") imported.subtypes.push(text);
  });
  parser.write(xml).close();
  return imported;
}

function environment(properties: ReadonlyMap<string, string>): string {
  const lines = [...properties].map(([key, value]) => `<Property oe:key="${key}" oe:value="${value}"/>`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:oe="http://schemas.dmtf.org/ovf/environment/1" oe:id="">
<PropertySection>${lines.join("")}</PropertySection></Environment>`;
}

test("a machine made from an OVA as its descriptor says boots with the user data that was filled in", async () => {
  const image = await imageOf("vmware-k8s-1.35");
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const build = await readBuild(image.replace(/\.img$/, ".json"));
  const options = { output: work, diskGib, cpus: 1, memoryMib: 2048, signal: AbortSignal.timeout(600_000) };
  const ova = await publishOva(build, options);
  await runTool(await openToolsRoot(), ["tar", "-xf", ova, "-C", work], { binds: [dirname(ova)] });
  const { disk, subtypes, firmware, transport, properties } = importedFrom(
    await Bun.file(join(work, `${build.name}.ovf`)).text(),
  );
  expect(firmware).toBe("efi");
  expect(transport.split(" ")).toContain("iso");
  expect(subtypes).toEqual(["VirtualSCSI", "vmware.cdrom.remotepassthrough", "VmxNet3"]);

  const cdRom = join(work, "environment.iso");
  const handOver = async (document: string): Promise<Partial<MachineOptions>> => {
    const filledIn = new Map([
      ...properties,
      ["guestinfo.userdata", Buffer.from(document).toString("base64")] as const,
    ]);
    await makeCdRom(cdRom, { "ovf-env.xml": environment(filledIn) });
    const second = { dataDiskBytes: 2 * 2 ** 30, dataDiskBus: "pvscsi" } as const;
    return { vendor: "VMware, Inc.", cdRom, systemDiskBus: "nvme", card: "vmxnet3", ...second };
  };
  const userData = '[settings]\nmotd = "filled in"\n';
  await using host = await TestHost.make("ova", { image: join(work, disk), userData, handOver, shell: false });
  await host.switchOn("without shell");
  const { os, userData: read } = await host.untilConfigured();
  expect(os).toMatchObject({ variant_id: "vmware-k8s-1.35" });
  expect(read.problems.filter(({ message }) => !message.includes("guestinfo"))).toEqual([]);
  const api = await host.api();
  expect(await api.call("getSettings", { query: { keys: ["settings.motd"] } })).toEqual({ motd: "filled in" });
  const logs = [...(await host.supportArchive())];
  const texts = await Promise.all(
    logs.filter(([name]) => /dmesg|journal/.test(name)).map(async ([, blob]) => await blob.text()),
  );
  expect(texts.some((text) => text.includes("VMware vPVSCSI") || text.includes("vmw_pvscsi"))).toBe(true);
  expect(texts.some((text) => text.includes("vmxnet3"))).toBe(true);
});

/**
 * Protects: admin and control are enabled with nothing else, on machines of metal, VMware and AWS whose image has their images
 * inside: there is no registry, and no update repository at all.
 */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { builtImage } from "../../../cli/image/built-image.ts";
import { imdsServer } from "../../worlds/host/imds.ts";
import { makeCdRom } from "./cd-rom.ts";
import { directory, TestHost } from "./test-host.ts";

const names = ["admin", "control"] as const;
const enabled = names.flatMap((name) => [`[settings.host-containers.${name}]`, "enabled = true"]);
const diskBytes = 8 * 2 ** 30;

const metadata = imdsServer();
afterAll(async () => await metadata[Symbol.asyncDispose]());

/** How each finds its user data. */
const places = {
  "metal-dev": async (document: string) => {
    return await Promise.resolve({ userData: document, userDataBy: "private-partition" as const });
  },
  "aws-k8s-1.20": async (document: string) => {
    metadata.answers.set("user-data", document);
    const identity = { instanceId: "i-0123456789abcdef0", region: "eu-west-1", instanceType: "m5.large" };
    metadata.answers.set("dynamic/instance-identity/document", JSON.stringify(identity));
    const metadataPort = metadata.port;
    return await Promise.resolve({ vendor: "Amazon EC2", metadataPort, systemDiskBus: "nvme" as const });
  },
  "vmware-k8s-1.20": async (document: string) => {
    const cdRom = join(directory, "companions-inside.iso");
    await makeCdRom(cdRom, { "user-data": document });
    // Debian's OVMF has no driver for PVSCSI.
    return { vendor: "VMware, Inc.", cdRom, systemDiskBus: "nvme" as const, card: "vmxnet3" as const };
  },
};

test.each(["metal-dev", "vmware-k8s-1.20", "aws-k8s-1.20"] as const)(
  "%s: an image that has them inside needs no repository at all",
  async (variant) => {
    const { image } = await builtImage(
      {
        variant,
        architecture: "x86_64",
        companions: "inside",
        output: join(import.meta.dir, "../../../build/test/companions-inside"),
      },
      new AbortController().signal,
    );
    const handOver = places[variant];
    const options = { image, userData: enabled.join("\n"), handOver, shell: false, diskBytes, memoryMiB: 2048 };
    await using host = await TestHost.make(`companions-${variant}`, options);
    await host.switchOn("without shell");
    expect((await host.untilConfigured()).os.variant_id).toBe(variant);
    await host.untilRunning(...names);
    const release = await host.exec("admin", ["sheltie", "-c", "cat /usr/lib/os-release; ls /usr/share/orlop/images"]);
    expect(release.output).toContain(`VARIANT_ID=${variant}`);
    expect(release.output).toContain("admin.tar");
    expect((await host.exec("control", ["apiclient", "get", "os"])).output).toContain(`"variant_id": "${variant}"`);
  },
);

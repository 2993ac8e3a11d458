/**
 * Protects: a host finds its user data wherever its platform has it. One whose user data is wrong says where, stays
 * reachable, and takes the right one at its next boot.
 *
 * fw_cfg is what every other test uses. VMware's guestinfo needs a hypervisor's port that QEMU does not have; see
 * host/user-data/sources.test.ts for it.
 */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { waitForLine } from "../../../vm/qemu/console.ts";
import { machineFiles } from "../../../vm/machine-files.ts";
import { withRemoteAccess } from "../../../vm/user-data.ts";
import { imdsServer } from "../../worlds/host/imds.ts";
import { makeCdRom } from "./cd-rom.ts";
import { imageOf } from "./image.ts";
import { directory, TestHost } from "./test-host.ts";

const userData = '[settings]\nmotd = "handed over"\n';
const consoleTimeoutMs = 300_000;

/** Every step went well, and the documents that gave settings are these. */
async function expectUserDataFrom(host: TestHost, ...from: string[]): Promise<void> {
  const { boot, reconcilers, userData: read } = await host.status();
  expect(read.problems).toEqual([]);
  expect(boot.filter(({ state }) => state !== "done" && state !== "skipped")).toEqual([]);
  expect(reconcilers.filter(({ state }) => state !== "converged")).toEqual([]);
  const api = await host.api();
  const first = (await api.call("getHistory", {})).find(({ by }) => by.kind === "host" && by.part === "user-data");
  expect(first).toMatchObject({ says: `user data from ${from.join(", ")}` });
  expect(await api.call("getSettings", { query: { keys: ["settings.motd"] } })).toEqual({ motd: "handed over" });
}

test("EC2: the metadata service of version 2, packed with gzip", async () => {
  await using service = imdsServer();
  const handOver = async (document: string) => {
    service.answers.set("user-data", gzipSync(document));
    return { vendor: "Amazon EC2", metadataPort: service.port };
  };
  await using host = await TestHost.boot("user-data-ec2", { userData, handOver });
  await expectUserDataFrom(host, "EC2 user data");
  expect(await host.shell.run("cat /etc/motd")).toBe("handed over");
  expect(service.requests).toContain("PUT /latest/api/token");
  expect(service.requests.at(-1)).toMatch(/^GET \S+\/user-data$/);
});

test("VMware: a CD-ROM", async () => {
  const cdRom = join(directory, "user-data-cd-rom.iso");
  const handOver = async (document: string) => {
    await makeCdRom(cdRom, { "user-data": document });
    return { vendor: "VMware, Inc.", cdRom };
  };
  await using host = await TestHost.boot("user-data-cd-rom", { userData, handOver });
  await expectUserDataFrom(host, "CD-ROM file user-data");
  expect(await host.shell.run("cat /etc/motd")).toBe("handed over");
});

test("metal-dev: a file on the private partition; there is no shell, but all that the API promises", async () => {
  const handOver = async (document: string) => ({ userData: document, userDataBy: "private-partition" as const });
  const image = await imageOf("metal-dev");
  await using host = await TestHost.make("user-data-metal-dev", { image, userData, handOver, shell: false });
  await host.switchOn("without shell");
  expect((await host.untilConfigured()).os.variant_id).toBe("metal-dev");
  await expectUserDataFrom(host, "/var/lib/orlop/user-data.toml");
  const applied = await host.commit({ network: { hostname: "anvil" }, ntp: { "time-servers": ["10.0.2.2"] } });
  expect(applied.result?.reconcilers.filter(({ failure }) => failure !== undefined)).toEqual([]);
  expect((await host.status()).hostname).toBe("anvil");
});

test("wrong user data is told with line and column, and does not lock anybody out", async () => {
  const wrong = '[settings]\nmotd = "never"\n[settings.kernel]\nlockdown = "Integrity"\n';
  const problem = /line 4, column 12: \S+: settings.kernel.lockdown must be one of none, integrity, confidentiality/;
  await using host = await TestHost.make("user-data-wrong", { handOver: async () => ({ userData: wrong }) });
  const { consoleLog, userData: received } = machineFiles(host.machine.directory);
  await host.switchOn();
  await waitForLine(consoleLog, new RegExp(`user data: ${problem.source}`), {
    signal: AbortSignal.timeout(consoleTimeoutMs),
  });
  const status = await host.shell.run("apiclient status");
  expect(status).toMatch(problem);
  expect(status).toContain("remote API   off");
  await host.shell.run("apiclient set motd=repaired");
  expect(await host.shell.run("cat /etc/motd")).toBe("repaired");

  await writeFile(
    received,
    withRemoteAccess('[settings]\nmotd = "too late"\nnetwork.hostname = "righted"\n', host.credentials),
  );
  await host.cutPower();
  await host.switchOn();
  const second = await host.untilConfigured();
  expect(second.userData.problems).toEqual([]);
  expect(second.hostname).toBe("righted");
  // What a person set meanwhile wins.
  expect(await host.shell.run("cat /etc/motd")).toBe("repaired");
});

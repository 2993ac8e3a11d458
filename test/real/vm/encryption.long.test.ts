/**
 * Protects: what a host writes is of no use to who takes its disk. It is sealed to the machine's TPM before anything is written, opens
 * by itself through reboots, updates and the way back, and by the recovery key alone without the machine.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rename, rm } from "node:fs/promises";
import { armor, Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { Refused } from "../../../api/client/refused.ts";
import { GuestShell } from "../../../vm/guest-shell.ts";
import { machineFiles } from "../../../vm/machine-files.ts";
import { openedOffline } from "../../worlds/tpm/opened-offline.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { TestHost } from "./test-host.ts";
import { UpdatingHost } from "./updating-host.ts";

const buildMs = 1_200_000;
const bootMs = 600_000;

let published: PublishedImages;
let host: TestHost;
let updating: UpdatingHost;
let identity: string;
let recoveryKey: string;

beforeAll(async () => {
  published = await PublishedImages.open("encryption");
  identity = await generateIdentity();
  const storage = [
    "[settings.storage]",
    'encryption = "tpm2"',
    `recovery-recipients = ["${await identityToRecipient(identity)}"]`,
  ];
  host = await TestHost.make("encryption", {
    image: published.images.older.image,
    userData: published.userData(...storage),
    tpm: true,
  });
  updating = new UpdatingHost(host);
  // It starts again before it has a shell to wait for.
  await host.switchOn("without shell");
  await host.untilConfigured();
}, buildMs);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
});

async function run(command: string): Promise<string> {
  await using shell = await GuestShell.connect(host.running.files.shell, AbortSignal.timeout(bootMs));
  return await shell.run(command, 60_000);
}

const sealed = { encryption: "tpm2" as const, registers: [7, 11, 14] };

test("the first boot seals both partitions to the TPM, and nothing is denied to who does", async () => {
  const { storage, state, boot } = await host.status();
  expect(storage).toEqual({ ...sealed, recoveryKey: "waiting" });
  expect(state).toBe("running");
  expect(boot.filter(({ state: ended }) => ended === "failed")).toEqual([]);
  const types = await run(
    "for p in /run/own-disk/ORLOP-PRIVATE /dev/orlop/sealed-data; do blkid -o value -s TYPE $p; done",
  );
  expect(types.split("\n")).toEqual(["crypto_LUKS", "crypto_LUKS"]);
  const mounted = await run("for d in /run/private /local; do basename $(realpath $(findmnt -no SOURCE $d)); done");
  for (const device of mounted.split("\n")) {
    expect(await run(`cat /sys/class/block/${device}/dm/uuid`)).toStartWith("CRYPT-LUKS2-");
  }
  expect(await run("ls /run/private/seal-data /efi/orlop 2>/dev/null | wc -l")).toBe("0");
  expect(await host.denials()).toEqual([]);
});

test("the recovery key is handed out once, and only those that user data names can read it", async () => {
  const api = await host.api();
  const taken = await api.call("takeRecoveryKey");
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  recoveryKey = await decrypter.decrypt(armor.decode(taken.recoveryKey), "text");
  expect(recoveryKey).toMatch(/^(?:[b-ln-rt-v]{8}-){7}[b-ln-rt-v]{8}$/);
  await expect(api.call("takeRecoveryKey")).rejects.toThrow("it was handed out already, and is not kept");
  expect((await host.status()).storage).toEqual({ ...sealed, recoveryKey: "handed-out" });
});

test("it is refused to change later, with what to do", async () => {
  const change = host.commit({ storage: { encryption: "none" } });
  await expect(change).rejects.toBeInstanceOf(Refused);
  await expect(change).rejects.toThrow("cannot change settings.storage.encryption on a host that runs");
});

test("it opens after a reboot, and to nobody once settings are measured", async () => {
  const { version } = (await host.status()).settings;
  await host.reboot();
  expect((await host.status()).settings.version).toBe(version);
  await run("dd if=/run/own-disk/ORLOP-PRIVATE of=/tmp/copy bs=1M status=none");
  const options = "luks,headless=true,tpm2-device=auto,tpm2-signature=/run/systemd/tpm2-pcr-signature.json";
  const attempt = `DM_DISABLE_UDEV=1 systemd-cryptsetup attach copy /tmp/copy - ${options} 2>&1`;
  expect(await run(`${attempt} || true; ls /dev/mapper; rm /tmp/copy`)).not.toContain("copy\n");
});

test(`an update opens it, and the way back does`, async () => {
  await updating.apply(newer);
  await host.reboot();
  expect(await updating.proved()).toBe(newer);
  expect((await host.status()).storage).toMatchObject(sealed);
  await updating.lockTo(older);
  await updating.apply(older);
  await host.reboot();
  expect(await updating.proved()).toBe(older);
  expect((await host.status()).storage).toMatchObject(sealed);
});

test("beside another TPM its disk stays closed, and the console says why; beside its own it opens", async () => {
  const { tpmState: own } = machineFiles(host.machine.directory);
  const kept = `${own}.kept`;
  await host.switchOff();
  await rename(own, kept);
  await host.switchOn("without shell");
  await untilConsole("this is another one, or what it has measured is not what it was sealed for");
  expect(await host.isSilent()).toBe(true);
  await host.cutPower();
  await rm(own, { recursive: true });
  await rename(kept, own);
  await host.switchOn("without shell");
  await host.untilConfigured();
  expect((await host.status()).storage).toMatchObject(sealed);
});

async function untilConsole(text: string): Promise<void> {
  const deadlineMs = performance.now() + bootMs;
  for (;;) {
    const lines = await host.running.consoleLines();
    if (lines.some((line) => line.includes(text))) return;
    if (performance.now() > deadlineMs) throw new Error(`the console has no "${text}": ${lines.slice(-15).join("\n")}`);
    await Bun.sleep(1000);
  }
}

test("the recovery key opens the disk without the machine, and no other does", async () => {
  await host.switchOff();
  const { disk } = machineFiles(host.machine.directory);
  for (const [partition, within] of [["ORLOP-PRIVATE"], ["ORLOP-DATA"]].map(
    ([name]) => [name ?? "", recoveryKey] as const,
  )) {
    const { inClear, superblock } = await openedOffline(disk, partition, within);
    expect(inClear).toBe(false);
    // Of ext4; see Documentation/filesystems/ext4/super.rst.
    expect(superblock.readUInt16LE(0x38)).toBe(0xef53);
  }
  const wrong = recoveryKey.replace(/^./, (letter) => (letter === "c" ? "b" : "c"));
  await expect(openedOffline(disk, "ORLOP-PRIVATE", wrong)).rejects.toThrow("No key available with this passphrase");
});

/**
 * Protects: what a host writes is of no use to who takes its disk. It is sealed to the machine's TPM before anything is written, opens
 * by itself through reboots, updates and the way back, with Secure Boot as it was, and by the recovery key alone without the machine.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rename, rm } from "node:fs/promises";
import { armor, Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { Refused } from "../../../api/client/refused.ts";
import { isFailure } from "../../../lib/failure.ts";
import { createFirmwareVariables, enlarge } from "../../../vm/disk/disk.ts";
import { machineFiles } from "../../../vm/machine-files.ts";
import { waitForLine } from "../../../vm/qemu/console.ts";
import { guestPlatforms } from "../../../vm/qemu/guest-platform.ts";
import { occursOn, openedOffline } from "../../worlds/tpm/opened-offline.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { TestHost } from "./test-host.ts";
import { UpdatingHost } from "./updating-host.ts";

const buildMs = 1_200_000;
const bootMs = 600_000;
const roomBytes = 512 * 1024 ** 2;
/** A setting, which stands for secrets. */
const marker = `kept-to-itself-${crypto.randomUUID()}`;

let published: PublishedImages;
let host: TestHost;
let updating: UpdatingHost;
let identity: string;
let recipient: string;
let recoveryKey: string;

beforeAll(async () => {
  published = await PublishedImages.open("encryption");
  identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
  host = await TestHost.make("encryption", {
    image: published.images.older.image,
    userData: published.userData("[settings]", `motd = "${marker}"`, ...storageOf(recipient)),
    secureBoot: true,
    tpm: true,
  });
  updating = new UpdatingHost(host);
  await host.switchOn();
  await host.untilConfigured();
  if (!(await hasShell())) await host.shell.untilNextBoot(AbortSignal.timeout(bootMs));
}, buildMs);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
});

/** The machine has started again to be sealed, and the shell may have been that of the boot before. */
async function hasShell(): Promise<boolean> {
  try {
    return (await host.shell.try("test -e /run/own-disk/sealed", 30_000)).exitCode === 0;
  } catch (error) {
    if (isFailure(error, "guest-command")) return false;
    throw error;
  }
}

function storageOf(recoveryRecipient: string): string[] {
  return ["[settings.storage]", 'encryption = "tpm2"', `recovery-recipients = ["${recoveryRecipient}"]`];
}

const sealed = { encryption: "tpm2" as const, registers: [7, 11, 14] };

test("the first boot seals both partitions to the TPM, and nothing is denied to who does", async () => {
  const { storage, state, boot } = await host.status();
  expect(storage).toEqual({ ...sealed, recoveryKey: "waiting" });
  expect(state).toBe("running");
  expect(boot.filter(({ state: ended }) => ended === "failed")).toEqual([]);
  const types = await host.shell.run(
    "for p in /run/own-disk/ORLOP-PRIVATE /dev/orlop/sealed-data; do blkid -o value -s TYPE $p; done",
  );
  expect(types.split("\n")).toEqual(["crypto_LUKS", "crypto_LUKS"]);
  const mapped = "for d in /run/private /local; do cat /sys/dev/block/$(findmnt -rno MAJ:MIN $d)/dm/uuid; done";
  expect(await host.shell.run(mapped)).toMatch(/^CRYPT-LUKS2-\S+\nCRYPT-LUKS2-\S+$/);
  expect(await host.shell.run("find /run/private/seal-data /efi/orlop -type f 2>/dev/null || true")).toBe("");
  expect(await host.denials()).toEqual([]);
});

test("the recovery key is handed out once, and only those that user data names can read it", async () => {
  const api = await host.api();
  const handedOut = await api.call("takeRecoveryKey");
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  recoveryKey = await decrypter.decrypt(armor.decode(handedOut.recoveryKey), "text");
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
  await host.shell.run("dd if=/run/own-disk/ORLOP-PRIVATE of=/tmp/copy bs=1M status=none");
  const options = "luks,headless=true,tpm2-device=auto,tpm2-signature=/run/systemd/tpm2-pcr-signature.json";
  const attempt = `DM_DISABLE_UDEV=1 systemd-cryptsetup attach copy /tmp/copy - ${options} 2>&1`;
  const answer = await host.shell.run(`${attempt} || true; ls /dev/mapper; rm /tmp/copy`);
  expect(answer).toContain("Failed to unseal secret using TPM2: Operation not permitted");
  expect(answer).not.toMatch(/^copy$/m);
});

test("an update opens it after a reboot, and so does the way back", async () => {
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
  await staysClosed();
  await rm(own, { recursive: true });
  await rename(kept, own);
  await host.switchOn();
  await host.untilConfigured();
  expect((await host.status()).storage).toMatchObject(sealed);
});

test("its data partition grows with its disk, and is not looked at again because somebody looked", async () => {
  const size = "findmnt -bno SIZE /local";
  const bytes = Number(await host.shell.run(size));
  await host.switchOff();
  const { disk } = machineFiles(host.machine.directory);
  await enlarge(host.machine.tools, { path: disk, image: published.images.older.image }, roomBytes);
  await host.switchOn();
  await host.untilConfigured();
  await host.eventually(size, (output) => Number(output) > bytes + roomBytes / 2);
  const looks = async (): Promise<number> => await host.startsOf("grow-data@*");
  await host.shell.run("udevadm settle --timeout=60; systemctl start grow-data@vda.service");
  const before = await looks();
  await host.shell.run("udevadm settle --timeout=60; sleep 10");
  expect(await looks()).toBe(before);
  expect(await host.denials()).toEqual([]);
});

test("another command line is refused by the firmware, and with Secure Boot switched off nothing opens to it", async () => {
  const { consoleLog, firmwareVariables } = machineFiles(host.machine.directory);
  // Of both images, on an ESP that brings no keys any more.
  const words =
    "at=$(($(grep -abo loglevel=4 $file | head -1 | cut -d: -f1) + 9)) && printf 5 | dd of=$file bs=1 seek=$at";
  await host.shell.run(`for file in /efi/EFI/orlop/*.efi; do ${words} conv=notrunc status=none || exit 1; done`);
  await host.shell.run("rm -r /efi/loader/keys && sync");
  const fromByte = Bun.file(consoleLog).size;
  await (await host.api()).call("reboot");
  await waitForLine(consoleLog, /security violation|access denied/i, { signal: AbortSignal.timeout(bootMs), fromByte });
  await host.cutPower();
  await createFirmwareVariables(host.machine.tools, guestPlatforms.x86_64, firmwareVariables);
  await staysClosed();
});

/** Until the console says why; nobody answers then. */
async function staysClosed(): Promise<void> {
  await host.switchOn("without shell");
  const { files, record } = host.running;
  const why = /this is another one, or what it has measured is not what it was sealed for/;
  await waitForLine(files.consoleLog, why, { signal: AbortSignal.timeout(bootMs), fromByte: record.consoleFrom });
  expect(await host.isSilent()).toBe(true);
  await host.cutPower();
}

test("read raw, its disk has nothing of its settings", async () => {
  await host.cutPower();
  const { disk } = machineFiles(host.machine.directory);
  expect(await occursOn(disk, marker)).toBe(false);
  // What the order for the second boot had.
  expect(await occursOn(disk, recipient)).toBe(false);
  // The header of the encrypted partition is in clear, so what was written can be found.
  expect(await occursOn(disk, "systemd-tpm2")).toBe(true);
});

test("the recovery key opens the disk without the machine, and no other does", async () => {
  await host.cutPower();
  const { disk } = machineFiles(host.machine.directory);
  for (const partition of ["ORLOP-PRIVATE", "ORLOP-DATA"]) {
    const { inClear, superblock } = await openedOffline(disk, partition, recoveryKey);
    expect(inClear).toBe(false);
    // Of ext4; see Documentation/filesystems/ext4/super.rst.
    expect(superblock.readUInt16LE(0x38)).toBe(0xef53);
  }
  const wrong = recoveryKey.replace(/^./, (letter) => (letter === "c" ? "b" : "c"));
  await expect(openedOffline(disk, "ORLOP-PRIVATE", wrong)).rejects.toThrow("No key available with this passphrase");
});

test("a machine without a TPM says so, and takes nothing of its user data", async () => {
  const userData = ["[settings]", `motd = "${marker}"`, ...storageOf(recipient)].join("\n");
  await using without = await TestHost.make("encryption-without-tpm", {
    image: published.images.older.image,
    userData,
  });
  await without.switchOn();
  const refusal = /this machine has no TPM, so nothing of its user data is applied/;
  await waitForLine(without.running.files.consoleLog, refusal, { signal: AbortSignal.timeout(bootMs) });
  expect((await without.shell.try("apiclient status")).output).toMatch(refusal);
  const settings = await without.shell.run("apiclient get settings");
  expect(settings).toMatch(/"encryption": ?"none"/);
  expect(settings).not.toContain(marker);
});

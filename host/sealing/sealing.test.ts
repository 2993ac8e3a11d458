/** Protects: nothing of user data is written before the partitions are sealed, and losses of power are no way around it. */
import { expect, test } from "bun:test";
import { armor, Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import type { Author } from "../datastore/datastore.ts";
import type { ReadInto } from "../update/boot/unified-image.ts";
import { efiProgram } from "../../test/worlds/update/update-image.ts";
import type { Tpm } from "../machine/tpm.ts";
import { encryptedFor, newRecoveryKey } from "./recovery-key.ts";
import { explainClosed } from "./explain.ts";
import { readOrder } from "./order.ts";
import { refuseOtherFirmware, refuseOtherSigner } from "./same-signer.ts";
import { sealData } from "./seal-data.ts";
import { sealPrivate } from "./seal-private.ts";
import { sealIfWanted } from "./want-sealed.ts";

const silentTpm: Tpm = async (work) => await work(() => Promise.reject(new Error("nothing is asked of it")));
const imageWith = (key: string): ReadInto => {
  const program = efiProgram({ ".linux": Buffer.from("x"), ".pcrpkey": Buffer.from(key) });
  return async (offset, into) => program.copy(into, 0, offset);
};
const identity = await generateIdentity();
const recipient = await identityToRecipient(identity);
const wanted = new Map<string, string | string[]>([
  ["settings.storage.encryption", "tpm2"],
  ["settings.storage.recovery-recipients", [recipient]],
]);
const history = (...authors: Author[]) => ({
  history: async () =>
    authors.map((by, at) => ({ version: at + 1, at: new Date(0), by, message: "", changes: [], image: "", hash: "" })),
});

async function machine({ tpm }: { tpm?: Tpm } = { tpm: silentTpm }): Promise<TestSystem> {
  const host = await testSystem(tpm === undefined ? {} : { tpm });
  for (const name of ["systemctl", "tune2fs", "cryptsetup", "systemd-cryptenroll", "systemd-cryptsetup", "mkfs.ext4"]) {
    host.programs.set(name, () => "");
  }
  for (const name of ["mount", "umount"]) host.programs.set(name, () => "");
  await host.write("/efi/loader/loader.conf", "");
  await host.write("/run/own-disk/ORLOP-PRIVATE", "x".repeat(4096));
  host.programs.set("lsblk", () => "4096\n");
  return host;
}

test("a first boot leaves an order with what whoever made the disk put there, and starts again", async () => {
  await using host = await machine();
  await host.write("/var/lib/orlop/user-data.toml", "[settings]\n");
  await host.write("/run/private/data-partition/d5d9c5a4", "");
  expect(await sealIfWanted(host.system, history(), wanted)).toBe(true);
  expect(host.ran).toEqual([
    "tune2fs -L ORLOP-SEALING /run/own-disk/ORLOP-PRIVATE",
    expect.stringContaining("systemctl --no-block reboot"),
  ]);
  expect(await readOrder(host.system)).toEqual({
    recipients: [recipient],
    files: { "user-data.toml": Buffer.from("[settings]\n").toString("base64"), "data-partition/d5d9c5a4": "" },
  });
});

test("it does not on a host that is sealed, or whose user data does not ask", async () => {
  await using host = await machine();
  expect(await sealIfWanted(host.system, history(), new Map())).toBe(false);
  await host.write("/run/own-disk/sealed", "");
  expect(await sealIfWanted(host.system, history(), wanted)).toBe(false);
  expect(host.ran).toEqual([]);
});

test("without a TPM it fails plainly, and so nothing of user data is applied", async () => {
  await using host = await testSystem();
  await expect(sealIfWanted(host.system, history(), wanted)).rejects.toThrow(
    "cannot encrypt the partitions: this machine has no TPM, so nothing of its user data is applied",
  );
});

test("what people changed is not lost for it, and a machine does not start again and again", async () => {
  await using host = await machine();
  const alice: Author = { kind: "remote", subject: "alice" };
  await expect(sealIfWanted(host.system, history(alice), wanted)).rejects.toThrow("settings were changed on this host");
  expect(await sealIfWanted(host.system, history({ kind: "host", part: "generators" }), wanted)).toBe(true);
  await expect(sealIfWanted(host.system, history(), wanted)).rejects.toThrow("it was tried at the start of this boot");
});

test("what stands on the data partition is not lost for it", async () => {
  await using host = await machine();
  await host.write("/local/user-data-defaults.toml", "[settings]\n");
  await expect(sealIfWanted(host.system, history(), wanted)).rejects.toThrow(
    "/local/user-data-defaults.toml is on the data partition, which would be made anew",
  );
});

test("the next boot seals what is zeros by then, and its recovery key is for the recipients alone", async () => {
  await using host = await machine();
  await host.write("/var/lib/orlop/net.toml", "version = 2\n");
  await sealIfWanted(host.system, history(), wanted);
  let key = "";
  host.programs.set("cryptsetup", async ([, verb]) => {
    if (verb !== "luksFormat") return "";
    expect(await host.read("/run/own-disk/ORLOP-PRIVATE")).toBe("\0".repeat(4096));
    key = await host.read("/run/storage-seal/key");
    return "";
  });
  await sealPrivate(host.system);
  expect(key).toMatch(/^(?:[b-ln-rt-v]{8}-){7}[b-ln-rt-v]{8}$/);
  const made = "/run/storage-seal/private";
  expect(await host.read(`${made}/net.toml`)).toBe("version = 2\n");
  expect(await host.read(`${made}/seal-data`)).toBe(key);
  expect((await readFile(join(host.system.root, made, "data-key"))).length).toBe(64);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  expect(await decrypter.decrypt(armor.decode(await host.read(`${made}/recovery-key.age`)), "text")).toBe(key);
  expect(await host.readIfPresent("/run/storage-seal/key")).toBeUndefined();
  expect(await readOrder(host.system)).toBeUndefined();
  // The label says that it is done only once it is.
  expect(host.ran.at(-1)).toContain("cryptsetup config --label=ORLOP-PRIVATE");
  expect(host.ran.some((line) => line.startsWith("systemd-cryptenroll") && line.includes("--tpm2-pcrs=7+14"))).toBe(
    true,
  );
});

test("where the TPM refuses, the order stays for the next boot", async () => {
  await using host = await machine();
  await sealIfWanted(host.system, history(), wanted);
  host.programs.set("systemd-cryptenroll", () => ({ stdout: "", stderr: "TPM2: out of memory", exitCode: 1 }));
  await expect(sealPrivate(host.system)).rejects.toThrow("out of memory");
  expect(await readOrder(host.system)).toBeDefined();
  expect(host.ran.some((line) => line.includes("--label=ORLOP-PRIVATE"))).toBe(false);
});

test("without an order the partition is made in clear, so that the machine has a first boot again", async () => {
  await using host = await machine();
  await host.write("/run/own-disk/to-seal", "");
  await host.write("/run/own-disk/sealed", "");
  await sealPrivate(host.system);
  expect(host.ran).toEqual([`mkfs.ext4 -q -F ${join(host.system.root, "run/own-disk/ORLOP-PRIVATE")}`]);
  expect(await readlink(join(host.system.root, "run/own-disk/private"))).toBe("ORLOP-PRIVATE");
  expect(await host.readIfPresent("/run/own-disk/sealed")).toBeUndefined();
});

test("the data partition has both keys before the recovery key is forgotten", async () => {
  await using host = await machine();
  await expect(sealData(host.system)).rejects.toThrow("/run/private/data-key is not there");
  await host.write("/run/private/data-key", "k".repeat(64));
  await host.write("/run/private/seal-data", "r");
  host.programs.set("mkfs.ext4", () => ({ stdout: "", stderr: "no space", exitCode: 1 }));
  await expect(sealData(host.system)).rejects.toThrow("no space");
  expect(await host.readIfPresent("/run/private/seal-data")).toBe("r");
  host.programs.set("mkfs.ext4", () => "");
  await sealData(host.system);
  expect(await host.readIfPresent("/run/private/seal-data")).toBeUndefined();
  expect(host.ran.map((line) => line.split(" ").slice(0, 2).join(" ")).slice(-5)).toEqual([
    "cryptsetup luksFormat",
    "cryptsetup luksAddKey",
    "cryptsetup open",
    "mkfs.ext4 -q",
    "cryptsetup close",
  ]);
});

test("the console says what opens a partition that stays closed", async () => {
  await using beside = await machine();
  expect(await explainClosed(beside.system)).toContain("this is another one, or what it has measured");
  await using without = await testSystem();
  expect(await explainClosed(without.system)).toContain("this machine has none");
});

test("a recovery key has every bit of its bytes, in letters of every keyboard", () => {
  const bytes = Buffer.from(Array.from({ length: 32 }, (_, at) => at * 8 + (at % 8)));
  const text = newRecoveryKey(() => bytes);
  const letters = "cbdefghijklnrtuv";
  const hex = text.replaceAll("-", "").replaceAll(/./g, (letter) => letters.indexOf(letter).toString(16));
  expect(hex).toBe(bytes.toString("hex"));
});

test("what is encrypted for two is read by each, and by nobody else", async () => {
  const [second, stranger] = [await generateIdentity(), await generateIdentity()];
  const file = armor.decode(await encryptedFor([recipient, await identityToRecipient(second)], "key"));
  const readBy = async (who: string): Promise<string> => {
    const decrypter = new Decrypter();
    decrypter.addIdentity(who);
    return await decrypter.decrypt(file, "text");
  };
  expect([await readBy(identity), await readBy(second)]).toEqual(["key", "key"]);
  await expect(readBy(stranger)).rejects.toThrow();
});

test("an image by another key is refused on a sealed host, and one by the same is not", async () => {
  await using host = await machine();
  const [mine, other] = [
    imageWith("-----BEGIN PUBLIC KEY-----\nmine\n"),
    imageWith("-----BEGIN PUBLIC KEY-----\nother\n"),
  ];
  await host.write("/run/systemd/tpm2-pcr-public-key.pem", "-----BEGIN PUBLIC KEY-----\nmine\n");
  await refuseOtherSigner(host.system, other);
  await refuseOtherFirmware(host.system);
  await host.write("/run/own-disk/sealed", "");
  await refuseOtherSigner(host.system, mine);
  await expect(refuseOtherSigner(host.system, other)).rejects.toThrow(
    "are not signed by the key that this host is sealed to",
  );
  await expect(refuseOtherFirmware(host.system)).rejects.toThrow("sealed to what its firmware refuses now");
});

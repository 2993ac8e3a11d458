/**
 * A partition made anew as LUKS2. Keys have 256 random bits or more, so that nothing is won by making guesses slow.
 *
 * Sources: cryptsetup-luksFormat(8), systemd-cryptenroll(1), systemd-cryptsetup(8).
 */
import { hostPath, type System } from "../machine/system.ts";
import { sealedRegisters, signedRegister } from "./sealed.ts";

/** Header and key slots; the private partition is small. In sectors of 512 bytes. */
const headerSectors = 4096;
const quickly = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000"] as const;
const formatMs = 30 * 60_000;

/** Left by the initrd: what systemd-stub found in the image. */
export const publicKeyPath = "/run/systemd/tpm2-pcr-public-key.pem";
const signature = "/run/systemd/tpm2-pcr-signature.json";

/** @param keyFile its bytes open the partition */
export async function formatEncrypted(system: System, device: string, keyFile: string, label: string): Promise<void> {
  const options = ["--batch-mode", "--type=luks2", `--label=${label}`, `--offset=${headerSectors}`, ...quickly];
  await system.run(["cryptsetup", "luksFormat", ...options, `--key-file=${keyFile}`, device], { limitMs: formatMs });
}

/** @param newKeyFile its bytes open the partition as well from now on */
export async function addKey(system: System, device: string, keyFile: string, newKeyFile: string): Promise<void> {
  await system.run([
    "cryptsetup",
    "luksAddKey",
    "--batch-mode",
    ...quickly,
    `--key-file=${keyFile}`,
    device,
    newKeyFile,
  ]);
}

/** @throws {Failure<"exit-status">} also when the TPM would not open it now */
export async function addTpm(system: System, device: string, keyFile: string): Promise<void> {
  await system.run([
    "systemd-cryptenroll",
    `--unlock-key-file=${keyFile}`,
    "--tpm2-device=auto",
    `--tpm2-pcrs=${sealedRegisters.join("+")}`,
    `--tpm2-public-key=${hostPath(system, publicKeyPath)}`,
    `--tpm2-public-key-pcrs=${signedRegister}`,
    `--tpm2-signature=${hostPath(system, signature)}`,
    device,
  ]);
}

/** As open-private.service does. */
export async function openByTpm(system: System, device: string, name: string): Promise<void> {
  const options = `luks,headless=true,tpm2-device=auto,tpm2-signature=${hostPath(system, signature)}`;
  await system.run(["systemd-cryptsetup", "attach", name, device, "-", options]);
}

export async function makeFileSystem(system: System, device: string): Promise<void> {
  await system.run(["mkfs.ext4", "-q", "-F", device], { limitMs: formatMs });
}

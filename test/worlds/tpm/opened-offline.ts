/**
 * The disk of a machine that is off, as who has taken it sees it on another computer, and who holds the recovery key: cryptsetup
 * finds the volume key by it, and the blocks are decrypted here, so that nothing has to be mounted.
 *
 * Sources: UEFI specification, 5.3 (GPT); LUKS2 On-Disk Format; Documentation/admin-guide/device-mapper/dm-crypt.rst (plain64);
 * IEEE 1619 (XTS).
 */
import { createCipheriv, createDecipheriv, type Cipheriv, type Decipheriv } from "node:crypto";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openToolsRoot, runTool, type ToolsRoot } from "../../../image/packages/tools-root.ts";

const sectorBytes = 512;
const cipherBlockBytes = 16;
const superblockAt = 1024;
const superblockBytes = 1024;

type Opened = {
  /** Whether the partition says that it is a file system. */
  inClear: boolean;
  /** Of the file system in it. */
  superblock: Buffer;
};

/** @throws {Failure<"exit-status">} when the key opens nothing */
export async function openedOffline(disk: string, partition: string, key: string): Promise<Opened> {
  const tools = await openToolsRoot();
  const work = await mkdtemp(join(tmpdir(), "offline-"));
  try {
    const raw = join(work, "partition");
    const place = await placeOf(tools, { disk, work, partition });
    await extract(tools, { disk, work, ...place }, raw);
    const keyFile = join(work, "key");
    await writeFile(keyFile, key);
    const dump = ["cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key", `--key-file=${keyFile}`, raw] as const;
    const { stdout } = await runTool(tools, dump, { binds: [work] });
    const volumeKey = Buffer.from((/MK dump:([\s0-9a-f]+)/.exec(stdout)?.[1] ?? "").replaceAll(/\s/g, ""), "hex");
    const payloadSector = Number(/Payload offset:\s*(\d+)/.exec(stdout)?.[1]);
    await using file = await open(raw);
    const { size, bytes } = await sectorsIn(tools, work, raw);
    const encrypted = Buffer.alloc(bytes);
    await file.read(encrypted, 0, bytes, payloadSector * sectorBytes);
    const clear = Buffer.concat(
      Array.from({ length: bytes / size }, (_, at) =>
        decrypted(volumeKey, (at * size) / sectorBytes, encrypted.subarray(at * size, (at + 1) * size)),
      ),
    );
    const start = Buffer.alloc(superblockAt + superblockBytes);
    await file.read(start, 0, start.length, 0);
    return {
      inClear: start.readUInt16LE(superblockAt + 0x38) === 0xef53,
      superblock: clear.subarray(superblockAt, superblockAt + superblockBytes),
    };
  } finally {
    await rm(work, { recursive: true });
  }
}

/** Whether a text lies on a disk as it is. What a machine writes to its overlay is not compressed. */
export async function occursOn(disk: string, text: string): Promise<boolean> {
  const wanted = Buffer.from(text);
  let before: Buffer = Buffer.alloc(0);
  for await (const part of (await open(disk)).createReadStream({ highWaterMark: 16 * 1024 * 1024 })) {
    const bytes = Buffer.concat([before, part as Buffer]);
    if (bytes.includes(wanted)) return true;
    before = bytes.subarray(-wanted.length);
  }
  return false;
}

type Place = { offset: number; size: number };

async function placeOf(
  tools: ToolsRoot,
  { disk, work, partition }: { disk: string; work: string; partition: string },
): Promise<Place> {
  const start = join(work, "gpt");
  await extract(tools, { disk, work, offset: 0, size: 1024 * 1024 }, start);
  const table = (await readFile(start)).subarray(2 * sectorBytes);
  for (let at = 0; at < 128 * 128; at += 128) {
    const entry = table.subarray(at, at + 128);
    if (entry.subarray(56).toString("utf16le").replace(/\0.*$/s, "") !== partition) continue;
    const [first, last] = [entry.readBigUInt64LE(32), entry.readBigUInt64LE(40)].map(Number);
    if (first === undefined || last === undefined) break;
    // Of a large one, its first blocks are enough.
    return { offset: first * sectorBytes, size: Math.min((last - first + 1) * sectorBytes, 48 * 1024 * 1024) };
  }
  throw new Error(`${disk} has no partition ${partition}`);
}

async function extract(
  tools: ToolsRoot,
  { disk, work, offset, size }: { disk: string; work: string } & Place,
  output: string,
): Promise<void> {
  const image = `driver=raw,offset=${offset},size=${size},file.driver=qcow2,file.file.driver=file,file.file.filename=${disk}`;
  // A machine's disk stands on the image that it began with.
  await runTool(tools, ["qemu-img", "convert", "--image-opts", image, "-O", "raw", output], {
    binds: [work],
    readOnlyBinds: [dirname(disk), join(import.meta.dir, "../../../build"), join(process.env["HOME"] ?? "", ".cache")],
  });
}

/** How many bytes are encrypted as one, and how many of those lead to the end of the superblock. */
async function sectorsIn(tools: ToolsRoot, work: string, raw: string): Promise<{ size: number; bytes: number }> {
  const { stdout } = await runTool(tools, ["cryptsetup", "luksDump", raw], { binds: [work] });
  const size = Number(/sector: (\d+) \[bytes\]/.exec(stdout)?.[1]);
  return { size, bytes: Math.max(size, superblockAt + superblockBytes) };
}

/** XTS of IEEE 1619, which the runtime does not have: each block of AES is masked before and after. */
function decrypted(key: Buffer, sector: number, encrypted: Buffer): Buffer {
  const [blockKey, tweakKey] = [key.subarray(0, key.length / 2), key.subarray(key.length / 2)];
  const tweak = Buffer.alloc(cipherBlockBytes);
  tweak.writeBigUInt64LE(BigInt(sector));
  const masks = Buffer.alloc(encrypted.length);
  let mask = plainCipher(createCipheriv("aes-256-ecb", tweakKey, null), tweak);
  for (let at = 0; at < masks.length; at += cipherBlockBytes) {
    mask.copy(masks, at);
    mask = doubled(mask);
  }
  return xor(plainCipher(createDecipheriv("aes-256-ecb", blockKey, null), xor(encrypted, masks)), masks);
}

function plainCipher(cipher: Cipheriv | Decipheriv, bytes: Buffer): Buffer {
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

/** Times x in GF(2^128), lowest byte first. */
function doubled(mask: Buffer): Buffer {
  const next = Buffer.from(mask.map((byte, at) => (byte << 1) | ((at === 0 ? 0 : mask.readUInt8(at - 1)) >> 7)));
  if (mask.readUInt8(cipherBlockBytes - 1) >= 0x80) next.writeUInt8(next.readUInt8(0) ^ 0x87, 0);
  return next;
}

function xor(bytes: Buffer, masks: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, at) => byte ^ masks.readUInt8(at)));
}

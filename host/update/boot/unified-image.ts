/**
 * What is in a unified kernel image: its sections, and what its signed command line promises about the root it belongs
 * to.
 *
 * Sources: PE/COFF specification (section table); UAPI group's UKI specification. The words are those of
 * `image/boot/command-line.ts`; the table is dm-verity's (kernel verity.rst).
 */
import { Failure } from "../../../lib/failure.ts";

export type Promised = {
  /** dm-verity's root hash and salt, in hexadecimal digits. */
  rootHash: string;
  salt: string;
  dataBlocks: number;
  /** Of the file system and of the hash tree, by which the initrd finds them. */
  rootUuid: string;
  hashUuid: string;
};

const blockBytes = 4096;
const mostSections = 96; // as the Windows loader has it
const longestCommandLine = 64 * 1024;

/** Fills the buffer from `offset` on; tells how many bytes there were. */
export type ReadInto = (offset: number, into: Buffer) => Promise<number>;

/** Reads no more of the image than its headers and its command line. @throws {Failure<"bad-unified-image">} */
export async function promisedBy(read: ReadInto): Promise<Promised> {
  const words = await commandLineOf(read);
  const value = (name: string): string => {
    const match = new RegExp(`(?:^|\\s)${name}=(?:"([^"]*)"|(\\S+))`).exec(words);
    const text = match?.[1] ?? match?.[2];
    if (text === undefined) throw refuse(`its command line has no ${name}=`);
    return text;
  };
  const [dataBlockBytes, hashBlockBytes, dataBlocks, hashStart, algorithm, rootHash, salt] =
    value("veritytable").split(" ");
  if (
    dataBlockBytes !== String(blockBytes) ||
    hashBlockBytes !== String(blockBytes) ||
    hashStart !== "1" ||
    algorithm !== "sha256" ||
    rootHash !== value("roothash") ||
    !/^[0-9a-f]{64}$/.test(rootHash) ||
    !/^(?:[0-9a-f]{2}){1,256}$/.test(salt ?? "") ||
    !/^[1-9]\d{0,9}$/.test(dataBlocks ?? "")
  ) {
    throw refuse(`its verity table is not understood: ${value("veritytable")}`);
  }
  return {
    rootHash,
    salt: salt ?? "",
    dataBlocks: Number(dataBlocks),
    rootUuid: value("rootuuid"),
    hashUuid: value("hashuuid"),
  };
}

async function commandLineOf(read: ReadInto): Promise<string> {
  const { offset, bytes } = await sectionOf(read, ".cmdline");
  if (bytes > longestCommandLine) throw refuse(`its command line has ${bytes} bytes`);
  const text = await partOf(read, offset, bytes, "command line");
  return text
    .toString("utf8")
    .replace(/\0[^]*$/, "")
    .trim();
}

/** The content of a section. @throws {Failure<"bad-unified-image">} */
export async function contentOf(read: ReadInto, name: ".initrd" | ".linux"): Promise<Buffer> {
  const { offset, bytes } = await sectionOf(read, name);
  return await partOf(read, offset, bytes, name);
}

/** Where a section is in the file, without what fills it up. */
async function sectionOf(
  read: ReadInto,
  name: ".cmdline" | ".initrd" | ".linux",
): Promise<{ offset: number; bytes: number }> {
  const start = await partOf(read, 0, 64, "start");
  if (start.toString("latin1", 0, 2) !== "MZ") throw refuse("it is no EFI program");
  const headerAt = start.readUInt32LE(60);
  const header = await partOf(read, headerAt, 24, "PE header");
  if (header.toString("latin1", 0, 4) !== "PE\0\0") throw refuse("it has no PE header");
  const sections = header.readUInt16LE(6);
  if (sections > mostSections) throw refuse(`it has ${sections} sections`);
  const table = await partOf(read, headerAt + 24 + header.readUInt16LE(20), sections * 40, "section table");
  for (let at = 0; at < table.length; at += 40) {
    if (table.toString("latin1", at, at + 8).replace(/\0+$/, "") !== name) continue;
    const bytes = Math.min(table.readUInt32LE(at + 8), table.readUInt32LE(at + 16));
    return { offset: table.readUInt32LE(at + 20), bytes };
  }
  throw refuse(`it has no section ${name}`);
}

async function partOf(read: ReadInto, offset: number, bytes: number, name: string): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  if ((await read(offset, buffer)) < bytes) throw refuse(`its ${name} is cut off`);
  return buffer;
}

function refuse(reason: string): Failure<"bad-unified-image"> {
  return new Failure("bad-unified-image", `cannot use the unified kernel image: ${reason}`);
}

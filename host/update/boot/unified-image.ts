/**
 * What the signed command line of a unified kernel image promises about the root it belongs to.
 *
 * Source: UAPI group's UKI specification. The words are those of `image/boot/command-line.ts`; the table is dm-verity's
 * (kernel verity.rst).
 */
import { efiHeaderBytes, efiSectionTable, sectionIn } from "../../../lib/efi/efi-sections.ts";
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
const subject = "the unified kernel image";
const longestText = 64 * 1024;

/** Fills the buffer from `offset` on; tells how many bytes there were. */
export type ReadInto = (offset: number, into: Buffer) => Promise<number>;

/** Reads no more of the image than its headers and its command line. @throws {Failure<"bad-program">} */
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
  return await textIn(read, { name: ".cmdline", called: "its command line" });
}

/** By whose key the image signs what a TPM measures of it, in PEM; see systemd-measure(1). @throws {Failure<"bad-program">} */
export async function measurementKeyOf(read: ReadInto): Promise<string> {
  return await textIn(read, { name: ".pcrpkey", called: "the key of its measurements" });
}

async function textIn(read: ReadInto, { name, called }: { name: string; called: string }): Promise<string> {
  const head = await partOf(read, { offset: 0, bytes: efiHeaderBytes });
  const sections = new Map(efiSectionTable(head, subject).map((section) => [section.name, section]));
  const section = sectionIn(sections, name, subject);
  if (section.bytes > longestText) throw refuse(`${called} has ${section.bytes} bytes`);
  const text = await partOf(read, section);
  if (text.length < section.bytes) throw refuse(`${called} is cut off`);
  return text
    .toString("utf8")
    .replace(/\0[^]*$/, "")
    .trim();
}

/** As much of it as there is. */
async function partOf(read: ReadInto, { offset, bytes }: { offset: number; bytes: number }): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, await read(offset, buffer));
}

function refuse(reason: string): Failure<"bad-program"> {
  return new Failure("bad-program", `cannot use ${subject}: ${reason}`);
}

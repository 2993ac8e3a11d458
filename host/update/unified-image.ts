/**
 * What a unified kernel image promises about the root it belongs to, read from its signed command line.
 *
 * Sources: PE/COFF specification (section table); UAPI group's UKI specification (`.cmdline`). The words are those of
 * `image/boot/command-line.ts`; the table is dm-verity's (kernel verity.rst).
 */
import { Failure } from "../../lib/failure.ts";

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

/** @throws {Failure<"bad-unified-image">} */
export function promisedBy(image: Uint8Array): Promised {
  const words = commandLineOf(Buffer.from(image.buffer, image.byteOffset, image.byteLength));
  const value = (name: string): string => {
    const match = new RegExp(`(?:^|\\s)${name}=(?:"([^"]*)"|(\\S+))`).exec(words);
    const found = match?.[1] ?? match?.[2];
    if (found === undefined) throw refuse(`its command line has no ${name}=`);
    return found;
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

function commandLineOf(image: Buffer): string {
  if (image.length < 64 || image.toString("latin1", 0, 2) !== "MZ") throw refuse("it is no EFI program");
  const header = image.readUInt32LE(60);
  if (header + 24 > image.length || image.toString("latin1", header, header + 4) !== "PE\0\0") {
    throw refuse("it has no PE header");
  }
  const sections = image.readUInt16LE(header + 6);
  const table = header + 24 + image.readUInt16LE(header + 20);
  for (let index = 0; index < sections; index++) {
    const at = table + index * 40;
    if (at + 40 > image.length) throw refuse("its section table is cut off");
    if (image.toString("latin1", at, at + 8).replace(/\0+$/, "") !== ".cmdline") continue;
    const [size, start] = [
      Math.min(image.readUInt32LE(at + 8), image.readUInt32LE(at + 16)),
      image.readUInt32LE(at + 20),
    ];
    if (start + size > image.length) throw refuse("its command line is cut off");
    return image
      .toString("utf8", start, start + size)
      .replace(/\0[^]*$/, "")
      .trim();
  }
  throw refuse("it has no command line");
}

function refuse(reason: string): Failure<"bad-unified-image"> {
  return new Failure("bad-unified-image", `cannot use the unified kernel image of the update: ${reason}`);
}

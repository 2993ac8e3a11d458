/**
 * The stub that a unified kernel image starts with, made deaf to words of the firmware.
 *
 * systemd-stub appends what SMBIOS tables hold as `io.systemd.stub.kernel-cmdline-extra` to the signed command line, also
 * under Secure Boot, and has no switch for it: `rdinit=/bin/execlineb -- -c …` would be enough to run anything. Here it
 * always takes the branch for machines without such a table. Source: systemd, src/boot/stub.c and smbios.c.
 */
import { type EfiSection, efiSectionTable } from "../../lib/efi/efi-sections.ts";
import { Failure } from "../../lib/failure.ts";
import type { Architecture } from "../../variants/variant.ts";

const subject = "the stub of unified kernel images";
const word = "io.systemd.stub.kernel-cmdline-extra";

/** @throws {Failure<"unknown-stub" | "bad-program">} when the stub is not built as this expects: then nothing is known about it */
export function withoutFirmwareWords(original: Uint8Array, architecture: Architecture): Buffer {
  const stub = Buffer.from(original);
  const at = stub.indexOf(word);
  const sections = efiSectionTable(stub, subject);
  const code = sections.find(({ name }) => name === ".text");
  const data = sections.find(({ offset, bytes }) => offset <= at && at < offset + bytes);
  if (code === undefined || data === undefined) throw refuse(`it does not contain ${word}`);
  const address = data.address + at - data.offset;
  const branches = architecture === "x86_64" ? patchX86(stub, code, address) : patchArm(stub, code, address);
  if (branches === 1) return stub;
  throw refuse(`${branches} branches lead past the search for ${word}, where one is expected`);
}

/**
 * test rax, rax; je → nop; jmp: before the name is loaded (lea r, [rip + …]), the result of the search for the table is
 * tested. The target of both jumps counts from the end of six bytes.
 */
function patchX86(stub: Buffer, { offset, address, bytes }: EfiSection, name: number): number {
  const test = Buffer.from([0x48, 0x85, 0xc0, 0x0f, 0x84]);
  const tableType = Buffer.from([0xbf, 0x0b, 0x00, 0x00, 0x00]); // mov edi, 11
  let count = 0;
  for (let at = offset; at < offset + bytes - 7; at++) {
    const isLoad = stub[at] === 0x48 && stub[at + 1] === 0x8d && ((stub[at + 2] ?? 0) & 0xc7) === 0x05;
    if (!isLoad || address + at - offset + 7 + stub.readInt32LE(at + 3) !== name) continue;
    const search = stub.lastIndexOf(tableType, at);
    const branch = stub.indexOf(test, search);
    if (search < at - 96 || branch < search || branch > at) continue;
    Buffer.from([0x90, 0xe9]).copy(stub, branch + 3);
    count++;
  }
  return count;
}

/** cbz x0 → b, in the same place: adrp and add load the name. Source: Arm ARM, C6.2. */
function patchArm(stub: Buffer, { offset, address, bytes }: EfiSection, name: number): number {
  const instruction = (at: number): number => stub.readUInt32LE(at);
  const tableType = 0x52800160; // mov w0, 11
  let count = 0;
  for (let at = offset; at < offset + bytes - 8; at += 4) {
    if (loadedAddress(instruction(at), instruction(at + 4), address + at - offset) !== name) continue;
    let search = at;
    while (search > at - 96 && instruction(search) !== tableType) search -= 4;
    let branch = search;
    while (branch < at && (instruction(branch) & 0xff00001f) >>> 0 !== 0xb4000000) branch += 4;
    if (branch >= at || instruction(search) !== tableType) continue;
    const distance = ((instruction(branch) >>> 5) << 13) >> 13;
    stub.writeUInt32LE((0x14000000 | (distance & 0x3ffffff)) >>> 0, branch);
    count++;
  }
  return count;
}

/** What adrp and the add behind it load; undefined for other instructions. */
function loadedAddress(adrp: number, add: number, at: number): number | undefined {
  const register = adrp & 31;
  if ((adrp & 0x9f000000) >>> 0 !== 0x90000000) return undefined;
  if ((add & 0xffc00000) >>> 0 !== 0x91000000 || ((add >>> 5) & 31) !== register) return undefined;
  const pages = (((((adrp >>> 5) & 0x7ffff) << 2) | ((adrp >>> 29) & 3)) << 11) >> 11;
  return Math.floor(at / 4096) * 4096 + pages * 4096 + ((add >>> 10) & 0xfff);
}

function refuse(reason: string): Failure<"unknown-stub"> {
  return new Failure("unknown-stub", `cannot use ${subject}: ${reason}`, {
    hint: "this systemd-stub is built in another way; image/boot/stub.ts must follow it",
  });
}

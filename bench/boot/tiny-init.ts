/**
 * The least that a machine can do after its kernel has started: an init that says so and sleeps.
 *
 * It writes to the kernel's log, so that the kernel itself puts the time since its start before the words. The program
 * is assembled here by hand, because there is no smaller way to make one: no compiler, no C library, 200 bytes.
 * Sources: elf(5), syscall(2), the x86-64 System V ABI; initramfs buffer format of the kernel for `archive`.
 */

/** What the kernel's log shows: "[    1.234567] limit: init runs". */
export const words = "limit: init runs";

const loadAddress = 0x400000;
const elfHeaderBytes = 64;
const programHeaderBytes = 56;

/** A static x86-64 program that writes the words to /dev/kmsg, most urgent so that they are shown, and never ends. */
export function tinyInit(): Uint8Array {
  const path = Buffer.from("/dev/kmsg\0");
  const message = Buffer.from(`<0>${words}\n`);
  const codeBytes = 49;
  const [pathOffset, messageOffset] = [codeBytes, codeBytes + path.length];
  const code = Buffer.concat([
    instruction([0xb8], 2), // mov eax, 2: open
    instruction([0x48, 0x8d, 0x3d], pathOffset - 12), // lea rdi, [path]
    instruction([0xbe], 1), // mov esi, 1: O_WRONLY
    instruction([0x0f, 0x05]), // syscall
    instruction([0x89, 0xc7]), // mov edi, eax
    instruction([0xb8], 1), // mov eax, 1: write
    instruction([0x48, 0x8d, 0x35], messageOffset - 33), // lea rsi, [message]
    instruction([0xba], message.length), // mov edx, length
    instruction([0x0f, 0x05]), // syscall
    instruction([0xb8], 34), // mov eax, 34: pause
    instruction([0x0f, 0x05]), // syscall
    instruction([0xeb, 0xf7]), // jmp to the pause
  ]);
  const body = Buffer.concat([code, path, message]);
  const entry = elfHeaderBytes + programHeaderBytes;
  const elf = Buffer.alloc(entry);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(elf); // magic, 64 bits, little-endian, version 1
  elf.writeUInt16LE(2, 16); // executable
  elf.writeUInt16LE(62, 18); // x86-64
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(loadAddress + entry), 24);
  elf.writeBigUInt64LE(BigInt(elfHeaderBytes), 32); // where the program header is
  elf.writeUInt16LE(elfHeaderBytes, 52);
  elf.writeUInt16LE(programHeaderBytes, 54);
  elf.writeUInt16LE(1, 56); // one program header:
  elf.writeUInt32LE(1, 64); // load
  elf.writeUInt32LE(5, 68); // readable and executable
  elf.writeBigUInt64LE(BigInt(loadAddress), 80);
  elf.writeBigUInt64LE(BigInt(loadAddress), 88);
  elf.writeBigUInt64LE(BigInt(entry + body.length), 96);
  elf.writeBigUInt64LE(BigInt(entry + body.length), 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([elf, body]);
}

export type ArchiveEntry = {
  name: string;
  mode: number;
  data?: Uint8Array;
  device?: readonly [major: number, minor: number];
};

/** An initramfs with that init, and the one device that it needs. */
export function tinyInitramfs(): Uint8Array {
  return archive([
    { name: "dev", mode: 0o040755 },
    { name: "dev/console", mode: 0o020600, device: [5, 1] },
    { name: "dev/kmsg", mode: 0o020600, device: [1, 11] },
    { name: "init", mode: 0o100755, data: tinyInit() },
  ]);
}

/** The "newc" format of cpio(5). */
export function archive(entries: readonly ArchiveEntry[]): Uint8Array {
  const all = [...entries, { name: "TRAILER!!!", mode: 0 }];
  return Buffer.concat(all.map((entry, index) => member(entry, index + 1)));
}

function member({ name, mode, data = Buffer.alloc(0), device = [0, 0] }: ArchiveEntry, inode: number): Buffer {
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, ...device, name.length + 1, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
  return Buffer.concat([aligned(Buffer.from(header)), aligned(data)]);
}

function aligned(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** An opcode, and its 32-bit operand when it has one. */
function instruction(opcode: readonly number[], operand?: number): Buffer {
  const bytes = Buffer.alloc(opcode.length + (operand === undefined ? 0 : 4));
  bytes.set(opcode);
  if (operand !== undefined) bytes.writeInt32LE(operand, opcode.length);
  return bytes;
}

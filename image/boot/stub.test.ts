/** Protects: nothing that a firmware says becomes a word of the kernel's command line. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { efiProgram } from "../../test/worlds/update/update-image.ts";
import { architectures } from "../../variants/variant.ts";
import { packagesOf, readLock } from "../packages/lock.ts";
import { unpackLoaders } from "../steps/boot.ts";
import { withoutFirmwareWords } from "./stub.ts";
import { efiNames } from "./unified-image.ts";

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "orlop-stub-"));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** As the package has it, by its offset: the bytes that change, and what they are then. */
const expected = {
  x86_64: { before: "4885c00f84ba000000", after: "4885c090e9ba000000" },
  aarch64: { before: "a00400b4", after: "25000014" },
} as const;

for (const architecture of architectures) {
  test(`the stub of the lock for ${architecture} takes one other branch, and is else the same`, async () => {
    const directory = join(work, architecture);
    await unpackLoaders(directory, packagesOf(await readLock(architecture), ["boot"]));
    const path = join(directory, `usr/lib/systemd/boot/efi/linux${efiNames[architecture]}.efi.stub`);
    const original = await readFile(path);
    const deaf = withoutFirmwareWords(original, architecture);
    const changed = [...deaf.keys()].filter((at) => deaf[at] !== original[at]);
    const { before, after } = expected[architecture];
    const at = (changed[0] ?? 0) - (architecture === "x86_64" ? 3 : 0);
    expect(original.toString("hex", at, at + before.length / 2)).toBe(before);
    expect(deaf.toString("hex", at, at + after.length / 2)).toBe(after);
    expect((changed.at(-1) ?? 0) - (changed[0] ?? 0)).toBeLessThan(6);
    expect(() => withoutFirmwareWords(deaf, architecture)).toThrow("0 branches");
  }, 120_000);
}

test("a stub that is built in another way is refused, not trusted", () => {
  const stub = efiProgram({ ".text": Buffer.alloc(512) });
  const refusal = "it does not contain io.systemd.stub.kernel-cmdline-extra";
  expect(() => withoutFirmwareWords(stub, "x86_64")).toThrow(refusal);
  expect(() => withoutFirmwareWords(Buffer.alloc(512), "x86_64")).toThrow("it is no EFI program");
});

/** Protects: an image says and signs beforehand what a TPM holds once it runs, and nothing else opens what is kept for it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, createPublicKey, verify } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { efiSections } from "../../lib/efi/efi-sections.ts";
import { packagesOf, readLock } from "../packages/lock.ts";
import { openToolsRoot, runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { unpackLoaders } from "../steps/boot.ts";
import { measuredOf, pcrSignaturesOf } from "./measured.ts";
import { signEfi } from "./sign.ts";
import { openSigningKey, type SigningKey } from "./signing-key.ts";
import { makeUnifiedImage } from "./unified-image.ts";

const epochSeconds = 1_700_000_000;
let directory: string;
let tools: ToolsRoot;
let key: SigningKey;
let loader: Buffer;
let addonStub: Buffer;
let unifiedImage: Buffer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-measured-"));
  tools = await openToolsRoot({ sets: ["tools", "policy"] });
  key = await openSigningKey(tools, "pcr-signing", join(directory, "keys"));
  const loaders = join(directory, "loaders");
  await unpackLoaders(loaders, packagesOf(await readLock("x86_64"), ["boot"]));
  await copyFile(join(loaders, "usr/lib/systemd/boot/efi/linuxx64.efi.stub"), join(directory, "stub"));
  loader = await readFile(join(loaders, "usr/lib/systemd/boot/efi/systemd-bootx64.efi"));
  addonStub = await readFile(join(loaders, "usr/lib/systemd/boot/efi/addonx64.efi.stub"));
  // A kernel is an EFI program to what makes the image, and so is this.
  await writeFile(join(directory, "kernel"), loader);
  await writeFile(join(directory, "initrd"), "an archive");
  unifiedImage = await made("first");
}, 300_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

async function made(name: string, commandLine = "quiet roothash=0123"): Promise<Buffer> {
  const output = join(directory, name);
  await mkdir(output);
  const unsigned = join(output, "unsigned.efi");
  await makeUnifiedImage(tools, unsigned, {
    architecture: "x86_64",
    stub: join(directory, "stub"),
    kernel: join(directory, "kernel"),
    kernelVersion: "6.12.0",
    initrds: [join(directory, "initrd")],
    commandLine,
    osRelease: "ID=orlop\n",
    epochSeconds,
    pcrKey: key,
  });
  const signed = join(output, "unified.efi");
  await signEfi(tools, key, { input: unsigned, output: signed, epochSeconds });
  return await readFile(signed);
}

test("PCR 11 is as systemd-measure works it out from the same parts", async () => {
  const work = join(directory, "sections");
  await mkdir(work);
  const measured = ["linux", "osrel", "cmdline", "initrd", "uname", "sbat", "pcrpkey"];
  const sections = efiSections(unifiedImage, "it");
  for (const name of measured) await writeFile(join(work, name), sections.get(`.${name}`) ?? "");
  const { stdout } = await runTool(
    tools,
    [
      "/usr/lib/systemd/systemd-measure",
      "calculate",
      ...measured.map((name) => `--${name}=${join(work, name)}`),
      "--bank=sha256",
      "--phase=",
    ],
    { readOnlyBinds: [work] },
  );
  const { pcr11, commandLine, pcrSigningKey } = measuredOf({ loader, addonStub, unifiedImage });
  expect(stdout).toContain(`11:sha256=${pcr11}`);
  expect(commandLine).toBe("quiet roothash=0123");
  expect(pcrSigningKey).toStartWith("-----BEGIN PUBLIC KEY-----");
});

test("the signature in the image is by the key in the image, which is the one that was chosen", async () => {
  const { pcrSigningKey } = measuredOf({ loader, addonStub, unifiedImage });
  const publicKey = createPublicKey(pcrSigningKey);
  expect(publicKey.equals(createPublicKey(await readFile(key.certificate)))).toBe(true);
  const der = publicKey.export({ type: "pkcs1", format: "der" });
  const signatures = pcrSignaturesOf(unifiedImage);
  expect(signatures).toHaveLength(1);
  for (const { pcrs, pkfp, pol, sig } of signatures) {
    expect(pcrs).toEqual([11]);
    expect(pkfp).toBe(createHash("sha256").update(der).digest("hex"));
    expect(verify("sha256", Buffer.from(pol, "hex"), publicKey, Buffer.from(sig, "base64"))).toBe(true);
    const another = Buffer.from(pol, "hex");
    another.writeUInt8(another.readUInt8(0) ^ 1, 0);
    expect(verify("sha256", another, publicKey, Buffer.from(sig, "base64"))).toBe(false);
  }
});

test("the same parts give the same bytes, another word on the command line another PCR 11 and another signature", async () => {
  expect(await made("again")).toEqual(unifiedImage);
  const wordy = await made("wordy", "quiet roothash=0123 rdinit=/bin/sh");
  const [one, two] = [
    measuredOf({ loader, addonStub, unifiedImage }),
    measuredOf({ loader, addonStub, unifiedImage: wordy }),
  ];
  expect(two.pcr11).not.toBe(one.pcr11);
  expect(two.unifiedImage).not.toBe(one.unifiedImage);
  expect([two.loader, two.kernel]).toEqual([one.loader, one.kernel]);
  expect(pcrSignaturesOf(wordy)[0]?.sig).not.toBe(pcrSignaturesOf(unifiedImage)[0]?.sig);
}, 120_000);

test("an image of which one byte was changed does not sign what it is", () => {
  for (const section of [".linux", ".initrd", ".cmdline", ".osrel", ".pcrpkey"]) {
    const changed = Buffer.from(unifiedImage);
    const content = efiSections(changed, "it").get(section);
    if (content === undefined) throw new Error(`there is no ${section}`);
    content[0] = (content[0] ?? 0) ^ 1;
    expect(() => measuredOf({ loader, addonStub, unifiedImage: changed })).toThrow("it does not sign its own PCR 11");
  }
});

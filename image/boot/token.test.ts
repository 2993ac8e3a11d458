/** Protects: an image is signed by a key that never leaves its token, with the same bytes as by one in a file. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packagesOf, readLock } from "../packages/lock.ts";
import { openToolsRoot, runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { unpackLoaders } from "../steps/boot.ts";
import { makeEnrolment } from "./enrolment.ts";
import { signEfi } from "./sign.ts";
import { openSigningKey, type SigningKey } from "./signing-key.ts";
import { signerOf } from "./token.ts";
import { makeUnifiedImage } from "./unified-image.ts";

const epochSeconds = 1_700_000_000;
let directory: string;
let tools: ToolsRoot;
let file: SigningKey;
let token: SigningKey;
const before = process.env["SOFTHSM2_CONF"];

/** A token of files with the private key of `file` in it. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-token-"));
  tools = await openToolsRoot({ sets: ["tools", "policy", "token"] });
  file = await openSigningKey(tools, "secure-boot", join(directory, "keys"));
  const softhsm = join(directory, "softhsm");
  await mkdir(join(softhsm, "tokens"), { recursive: true });
  const configuration = join(softhsm, "softhsm2.conf");
  await writeFile(configuration, `directories.tokendir = ${join(softhsm, "tokens")}\n`);
  await writeFile(join(directory, "pin"), "1234");
  process.env["SOFTHSM2_CONF"] = configuration;
  const options = { binds: [directory], env: { SOFTHSM2_CONF: configuration } };
  const pins = ["--pin", "1234", "--so-pin", "5678"];
  await runTool(tools, ["softhsm2-util", "--init-token", "--free", "--label", "orlop", ...pins], options);
  const named = ["--token", "orlop", "--label", "db", "--id", "01", "--pin", "1234"];
  await runTool(tools, ["softhsm2-util", "--import", file.privateKey, ...named], options);
  const attributes = `module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:${join(directory, "pin")}`;
  token = {
    privateKey: `pkcs11:token=orlop;object=db;type=private?${attributes}`,
    certificate: file.certificate,
  };
}, 300_000);

afterAll(async () => {
  if (before === undefined) delete process.env["SOFTHSM2_CONF"];
  else process.env["SOFTHSM2_CONF"] = before;
  await rm(directory, { recursive: true, force: true });
});

test("an EFI program, and what firmware takes keys from", async () => {
  const loaders = join(directory, "loaders");
  await unpackLoaders(loaders, packagesOf(await readLock("x86_64"), ["boot"]));
  const input = join(directory, "loader.efi");
  await copyFile(join(loaders, "usr/lib/systemd/boot/efi/systemd-bootx64.efi"), input);
  const made = async (name: string, key: SigningKey): Promise<Buffer[]> => {
    const output = join(directory, `of-${name}`);
    await mkdir(output);
    await signEfi(tools, key, { input, output: join(output, "signed.efi"), epochSeconds });
    await makeEnrolment(tools, { platform: key, exchange: key, image: key }, output, epochSeconds);
    const names = ["signed.efi", "PK.auth", "KEK.auth", "db.auth"];
    return await Promise.all(names.map(async (each) => await readFile(join(output, each))));
  };
  const byToken = await made("token", token);
  expect(byToken).toEqual(await made("file", file));
  expect(byToken[0]?.length).toBeGreaterThan((await readFile(input)).length);
}, 120_000);

test("a unified image, for which a TPM opens what it keeps", async () => {
  const [kernel, initrd] = [join(directory, "loader.efi"), join(directory, "initrd")];
  await writeFile(initrd, "an archive");
  const stub = join(directory, "loaders/usr/lib/systemd/boot/efi/linuxx64.efi.stub");
  const made = async (name: string, pcrKey: SigningKey): Promise<Buffer> => {
    await mkdir(join(directory, name));
    const output = join(directory, name, "unified.efi");
    const texts = { kernelVersion: "6.12.0", commandLine: "quiet", osRelease: "ID=orlop\n" };
    const parts = { architecture: "x86_64", stub, kernel, initrds: [initrd], epochSeconds, pcrKey, ...texts } as const;
    await makeUnifiedImage(tools, output, parts);
    return await readFile(output);
  };
  expect(await made("by-token", token)).toEqual(await made("by-file", file));
}, 120_000);

test("a URI that does not say how the token is opened is refused", () => {
  const { certificate } = token;
  const refused = (privateKey: string) => () => signerOf({ privateKey, certificate });
  expect(refused("pkcs11:token=orlop?pin-source=file:/pin")).toThrow(
    "cannot sign with pkcs11:token=orlop: module-path is missing",
  );
  expect(refused("pkcs11:token=orlop?module-path=/m.so&pin-source=pin")).toThrow("pin-source is pin");
});

test("with a PIN that is wrong nothing is signed", async () => {
  await writeFile(join(directory, "wrong"), "0000");
  const privateKey = token.privateKey.replace(/pin-source=.*/, `pin-source=file:${join(directory, "wrong")}`);
  const output = join(directory, "never.efi");
  const input = join(directory, "loader.efi");
  await expect(signEfi(tools, { ...token, privateKey }, { input, output, epochSeconds })).rejects.toThrow(
    /it exited with 1/,
  );
  expect(await Bun.file(output).exists()).toBe(false);
}, 120_000);

/**
 * Protects: `apiclient verify` believes a host only what its TPM signs: one other byte of image, command line or settings
 * is refused. The TPM is swtpm, the host the real daemon in this process, and the firmware made up.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { apiclient } from "../commands/apiclient.ts";
import { extend } from "../../lib/tpm/tpm.ts";
import { invoke, type CommandOutcome } from "../../lib/command/command-line.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";
import { bootMeasured, type SoftwareTpm, softwareTpm, testImage } from "../../test/worlds/tpm/software-tpm.ts";
import { type Evidence, settingsRegister } from "../../api/attestation/evidence.ts";
import { type ExpectedHost, verified } from "../../api/attestation/verified.ts";

const image = testImage("this");
const next = testImage("next");
const nonce = "00112233445566778899aabbccddeeff";
const images = new Map([["this", image.measured]]);

const firmwareLog = "/sys/kernel/security/tpm0/binary_bios_measurements";

/** A host with its own TPM, booted by a firmware as said. */
async function attestingHost(
  how: Partial<Parameters<typeof bootMeasured>[1]> = {},
): Promise<AsyncDisposable & { host: RunningHost; chip: SoftwareTpm }> {
  await using opened = new AsyncDisposableStack();
  const chip = opened.use(await softwareTpm());
  const log = await bootMeasured(chip.transmit, { image, ...how });
  const host = opened.use(await runningHost({ tpm: chip.tpm }));
  await host.machine.write(firmwareLog, log.toString("latin1"), "latin1");
  const open = opened.move();
  return { host, chip, [Symbol.asyncDispose]: async () => await open.disposeAsync() };
}

let attesting: Awaited<ReturnType<typeof attestingHost>>;
let shown: Evidence;
let expected: ExpectedHost;
beforeAll(async () => {
  attesting = await attestingHost();
  shown = await show(attesting.host);
  expected = { publicKey: shown.publicKey, nonce, images };
}, 300_000);
afterAll(async () => attesting?.[Symbol.asyncDispose]());

async function show({ api }: RunningHost, asked = nonce): Promise<Evidence> {
  return await api.call("getAttestation", { query: { nonce: asked } });
}

test("a host is seen to run its image with its words, at its version of settings", () => {
  const { settings, ...seen } = verified(shown, expected);
  const { commandLine } = image.measured;
  const firmware = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(seen).toEqual({ image: "this", commandLine, addedWords: "", secureBoot: true, firmware });
  expect(settings.version).toBe(1);
});

test("what the host's TPM signs, tpm2-tools believe too, and a quote of another nonce not", async () => {
  const { chip } = attesting;
  await Bun.write(join(chip.directory, "key.pem"), shown.publicKey);
  await Bun.write(join(chip.directory, "attest"), Buffer.from(shown.attest, "base64"));
  await Bun.write(join(chip.directory, "signature"), Buffer.from(shown.signature, "base64"));
  const check = async (qualification: string): Promise<string> =>
    await chip.tool(["tpm2_checkquote", "-u", "key.pem", "-m", "attest", "-s", "signature", "-q", qualification]);
  expect(await check(nonce)).toContain("sig:");
  await expect(check(nonce.replace("00", "01"))).rejects.toThrow("tpm2_checkquote");
}, 300_000);

describe("refused is", () => {
  const refusal = (changed: Partial<Evidence>, other: Partial<ExpectedHost> = {}): string => {
    try {
      verified({ ...shown, ...changed }, { ...expected, ...other });
    } catch (error) {
      return error instanceof Error ? error.message : "";
    }
    return "believed";
  };
  const flipped = (base64: string, at: number): string => {
    const bytes = Buffer.from(base64, "base64");
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes.toString("base64");
  };

  test("each other byte of what was signed, and of the signature", () => {
    expect(refusal({})).toBe("believed");
    const [attest, signature] = [Buffer.from(shown.attest, "base64"), Buffer.from(shown.signature, "base64")];
    for (const at of attest.keys()) expect(refusal({ attest: flipped(shown.attest, at) })).not.toBe("believed");
    for (const at of signature.keys()) {
      expect(refusal({ signature: flipped(shown.signature, at) })).not.toBe("believed");
    }
  });

  test("each other byte of a register", () => {
    for (const [pcr, value] of Object.entries(shown.pcrs)) {
      const changed = Buffer.from(value, "hex");
      changed[31] = (changed[31] ?? 0) ^ 1;
      expect(refusal({ pcrs: { ...shown.pcrs, [pcr]: changed.toString("hex") } })).toContain(
        "hold something else than what was signed",
      );
      const { [pcr]: _, ...without } = shown.pcrs;
      expect(refusal({ pcrs: without })).toContain(`the value of PCR ${pcr} is missing`);
    }
  });

  test("a log of the firmware in which something else stands, or that ends early", () => {
    const log = Buffer.from(shown.firmwareLog, "base64");
    // Its last event is of PCR 11: 16 bytes of header, the digest, and a length.
    const digestAt = log.length - 4 - 32;
    expect(refusal({ firmwareLog: flipped(shown.firmwareLog, digestAt) })).toContain("PCR 11");
    expect(refusal({ firmwareLog: log.subarray(0, -1).toString("base64") })).toContain("cut off");
    expect(refusal({ firmwareLog: "" })).toContain("cut off");
  });

  test("an answer to another question, and one of another TPM", async () => {
    expect(refusal({}, { nonce: "ff".repeat(16) })).toContain("an old one");
    await using other = await attestingHost();
    const its = await show(other.host);
    expect(refusal(its)).toContain("another TPM answered");
  }, 300_000);

  test("an image that was not asked for, and one that says of itself what it is not", () => {
    const { measured } = image;
    expect(refusal({}, { images: new Map([["next", next.measured]]) })).toContain("it runs none of next: PCR 11 is");
    const another = { ...measured, unifiedImage: next.measured.unifiedImage };
    expect(refusal({}, { images: new Map([["this", another]]) })).toContain("a program that is in none of the images");
  });

  test("another program that was started before the kernel, also one that measures what the image would", async () => {
    const { measured } = image;
    await using other = await attestingHost({ programs: [measured.loader, next.measured.unifiedImage] });
    const its = await show(other.host);
    const as = { publicKey: its.publicKey, nonce };
    expect(() => verified(its, { ...as, images })).toThrow("a program that is in none of the images");
    await using without = await attestingHost({ programs: [measured.loader] });
    const bare = await show(without.host);
    expect(() => verified(bare, { publicKey: bare.publicKey, nonce, images })).toThrow("did not start the image");
  }, 300_000);

  test("another program that its host calls something else in the log, since only its hash is signed", async () => {
    const { measured } = image;
    const stranger = next.measured.unifiedImage;
    // Whoever was started first may extend the registers by whatever the image would have.
    await using other = await attestingHost({ programs: [stranger, measured.loader, measured.unifiedImage] });
    const its = await show(other.host);
    for (const type of [4, 0x80000007, 0x80000004, 0x8000000a]) {
      const log = Buffer.from(its.firmwareLog, "base64");
      // In front of the digest: register, type, how many digests, and the algorithm of the one.
      log.writeUInt32LE(type, log.indexOf(Buffer.from(stranger, "hex")) - 10);
      const renamed = { ...its, firmwareLog: log.toString("base64") };
      const as = { publicKey: its.publicKey, nonce, images };
      expect(() => verified(renamed, as)).toThrow("a program that is in none of the images");
    }
  }, 300_000);

  test("a driver that was loaded once the firmware had begun to start programs", async () => {
    await using other = await attestingHost({ drivers: [next.measured.kernel] });
    const its = await show(other.host);
    expect(() => verified(its, { publicKey: its.publicKey, nonce, images })).toThrow(
      `a driver was loaded after its firmware was done: ${next.measured.kernel}`,
    );
  }, 300_000);

  test("Secure Boot that was on in the log only after the firmware said that it is off", async () => {
    await using other = await attestingHost({ secureBoot: [false, true] });
    const its = await show(other.host);
    expect(verified(its, { publicKey: its.publicKey, nonce, images }).secureBoot).toBe(false);
  }, 300_000);

  test("another firmware than the one that was there at first", async () => {
    const { firmware } = verified(shown, expected);
    expect(refusal({}, { firmware })).toBe("believed");
    expect(refusal({}, { firmware: "0".repeat(64) })).toContain(`its firmware is ${firmware}, not 0000`);
  });

  test("a word more on the command line, unless it was expected", async () => {
    const words = "rdinit=/bin/sh";
    await using other = await attestingHost({ words });
    const its = await show(other.host);
    const as = { publicKey: its.publicKey, nonce, images };
    expect(() => verified(its, as)).toThrow(`its command line has other words added than "": "${words}"`);
    expect(verified(its, { ...as, addedWords: words }).addedWords).toBe(words);
    expect(() => verified(its, { ...as, addedWords: `${words} x` })).toThrow("other words");
  }, 300_000);
});

describe("settings", () => {
  const motd = async ({ api }: RunningHost, text: string): Promise<void> => {
    await api.call("patchSettings", { body: { motd: text } });
    await api.commitAndWait({});
  };

  test("one other letter in a setting is another digest, and what was expected before is refused; back is back", async () => {
    const { host } = attesting;
    await motd(host, "ahoy");
    const before = verified(await show(host), expected).settings;
    const as = { ...expected, settings: before.digest };
    expect(verified(await show(host), as).settings).toEqual(before);
    await motd(host, "ahoi");
    const later = await show(host);
    expect(() => verified(later, as)).toThrow("its settings, at version");
    await motd(host, "ahoy");
    const back = verified(await show(host), as).settings;
    expect(back.version).toBe(before.version + 2);
    expect(back.head).not.toBe(before.head);
  });

  test("a log of settings that was changed does not lead to the register", async () => {
    const now = await show(attesting.host);
    const { events, base } = now.settings;
    const last = events.at(-1);
    if (last === undefined) throw new Error("nothing was measured");
    const variants = [
      { base, events: events.slice(0, -1) },
      { base, events: [...events, last] },
      { base, events: [...events.slice(0, -1), { ...last, version: last.version + 1 }] },
      { base: "1".repeat(64), events },
    ];
    for (const settings of variants) {
      expect(() => verified({ ...now, settings }, expected)).toThrow("its log of settings does not lead to");
    }
  });

  test("a daemon that starts again goes on where it was, also when it ended between the log and the register", async () => {
    const { host, chip } = attesting;
    await host.restart();
    const { settings } = verified(await show(host), expected);
    await host.stop();
    // As written just before the end: the log has one event more than the register.
    const path = "/run/orlop/measured-settings.json";
    const log = JSON.parse(await host.machine.read(path));
    log.events.push({ ...log.events.at(-1), version: 99 });
    await host.machine.write(path, JSON.stringify(log));
    await host.restart();
    const again = verified(await show(host), expected);
    expect(again.settings.version).toBe(settings.version);
    expect((await show(host)).settings.events.map(({ version }) => version)).toContain(99);
    // Who extends the register from elsewhere makes it useless until the next boot, and does not go unnoticed.
    await extend(chip.transmit, settingsRegister, Buffer.alloc(32, 9));
    await expect(show(host)).rejects.toThrow("PCR 14 was extended by somebody else");
  }, 300_000);
});

test("without a TPM a host says so, with a code of its own, and does all else", async () => {
  await using host = await runningHost();
  await expect(show(host)).rejects.toMatchObject({ code: "no-tpm", status: 404 });
  await expect(show(host)).rejects.toThrow("cannot attest this host: the machine has no TPM");
  expect(host.machine.logged.join("\n")).not.toContain("attestation");
}, 300_000);

test("apiclient keeps the key at the first time, and answers without the host from what it kept", async () => {
  await using its = await attestingHost();
  const { directory } = its.chip;
  const at = (name: string): string => join(directory, name);
  const manifest = { variant: "metal-dev", architecture: "x86_64", version: "0.1.0", commit: "dafe3b16" };
  await Bun.write(at("image.json"), JSON.stringify({ ...manifest, measured: image.measured }));
  await Bun.write(at("old.json"), JSON.stringify(manifest));
  const run = async (...words: string[]): Promise<CommandOutcome> =>
    await invoke(apiclient, ["-s", its.host.socket, "verify", at("key.pem"), ...words]);
  const first = await run(at("image.json"), "--save", at("evidence.json"));
  expect(first).toMatchObject({ exitCode: 0, stderr: "" });
  expect(first.stdout).toContain("runs orlop-metal-dev-x86_64-0.1.0-dafe3b16");
  expect(first.stdout).toContain("Secure Boot: on");
  expect(first.stdout).toContain(`kept the key of its TPM: ${at("key.pem")}`);
  const digest = /settings: version 1, ([0-9a-f]{64})/.exec(first.stdout)?.[1] ?? "";
  expect(await run(at("image.json"), "--settings", digest)).toMatchObject({ exitCode: 0 });
  expect(await run(at("image.json"), "--settings", "0".repeat(64))).toMatchObject({ exitCode: 1 });
  expect(await run(at("old.json"))).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("its build does not say what a TPM measures of it"),
  });
  await its.host.stop();
  expect(await run(at("image.json"), "--evidence", at("evidence.json"), "--settings", digest)).toMatchObject({
    exitCode: 0,
    stdout: expect.not.stringContaining("kept the key"),
  });
  expect(await run(at("image.json"), "--evidence", at("image.json"))).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining(`cannot verify by ${at("image.json")}: `),
  });
}, 300_000);

/**
 * What a TPM holds once an image has started: known from the image alone, before any machine has it.
 *
 * The firmware measures every program that it starts into PCR 4, by its Authenticode hash: boot loader, unified image, and
 * the kernel in it. The stub measures the parts of the unified image into PCR 11, each by the name of its section and then
 * its content. Sources: systemd-stub(7), systemd's src/fundamental/uki.h for the order; TCG PC Client Platform Firmware
 * Profile 1.06, section 3.3.4.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { authenticodeHash } from "../../lib/efi/authenticode.ts";
import { efiSection, efiSections, sectionIn } from "../../lib/efi/efi-sections.ts";
import { Failure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { MeasuredImage } from "../../lib/tpm/measured-image.ts";

const subject = "the unified image";

/** In the order of the stub, whatever that of the file is. What is not there is not measured. */
const measuredSections = [
  ".linux",
  ".osrel",
  ".cmdline",
  ".initrd",
  ".ucode",
  ".splash",
  ".dtb",
  ".uname",
  ".sbat",
  ".pcrpkey",
  ".profile",
  ".dtbauto",
  ".hwids",
];

/** What `.pcrsig` holds, by bank. Source: systemd-measure(1). */
const signatures = z.object({
  sha256: z.array(z.object({ pcrs: z.array(z.int()), pkfp: z.string(), pol: z.string(), sig: z.base64() })),
});
export type PcrSignature = z.infer<typeof signatures>["sha256"][number];

type MeasuredParts = { loader: Uint8Array; unifiedImage: Uint8Array; addonStub: Uint8Array };

/** @throws {Failure<"bad-program" | "bad-measurement">} when the image signs something else than what it is */
export function measuredOf({ loader, unifiedImage, addonStub }: MeasuredParts): MeasuredImage {
  const sections = efiSections(unifiedImage, subject);
  const pcr11 = pcr11Of(unifiedImage);
  const wanted = policyOf(pcr11).toString("hex");
  const signed = pcrSignaturesOf(unifiedImage);
  if (!signed.some(({ pcrs, pol }) => pcrs.join() === "11" && pol === wanted)) {
    throw new Failure("bad-measurement", `cannot use the unified image: it does not sign its own PCR 11, ${wanted}`);
  }
  return {
    pcr11: pcr11.toString("hex"),
    loader: authenticodeHash(loader, "the boot loader").toString("hex"),
    unifiedImage: authenticodeHash(unifiedImage, subject).toString("hex"),
    kernel: authenticodeHash(sectionIn(sections, ".linux", subject), "the kernel").toString("hex"),
    addonStub: Buffer.from(addonStub).toString("base64"),
    commandLine: text(sectionIn(sections, ".cmdline", subject)),
    pcrSigningKey: text(sectionIn(sections, ".pcrpkey", subject)),
  };
}

/** What the image signs about PCR 11, in the bank of SHA-256. */
export function pcrSignaturesOf(unifiedImage: Uint8Array): readonly PcrSignature[] {
  return signatures.parse(parseJson(text(efiSection(unifiedImage, ".pcrsig", subject)))).sha256;
}

/** What the stub measures, in its order. */
export function measuredSectionsOf(unifiedImage: Uint8Array): ReadonlyMap<string, Buffer> {
  const sections = efiSections(unifiedImage, subject);
  return new Map(measuredSections.flatMap((name) => [...sections].filter(([section]) => section === name)));
}

function pcr11Of(unifiedImage: Uint8Array): Buffer {
  let register: Buffer = Buffer.alloc(32);
  for (const [name, content] of measuredSectionsOf(unifiedImage)) {
    for (const part of [Buffer.from(`${name}\0`), content]) register = hash(register, hash(part));
  }
  return register;
}

/**
 * What a TPM makes of "PCR 11 has this value": the policy that is signed. Source: TPM 2.0 Library, part 3, PolicyPCR.
 */
function policyOf(pcr11: Buffer): Buffer {
  const policyPcr = Buffer.from("0000017f", "hex");
  // One selection: of the bank of SHA-256, three bytes in which bit 11 is set.
  const selection = Buffer.from("00000001000b03000800", "hex");
  return hash(Buffer.alloc(32), policyPcr, selection, hash(pcr11));
}

function text(content: Buffer): string {
  return content.toString("utf8").replace(/\0+$/, "");
}

function hash(...parts: readonly Buffer[]): Buffer {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest.digest();
}

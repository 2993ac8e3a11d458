/** `apiclient verify`: whether a host runs what it should, by what its TPM signs; on the machine of whoever asks. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { evidence, type Evidence } from "../../../api/attestation/evidence.ts";
import { type Verified, verified } from "../../../api/attestation/verified.ts";
import { defined } from "../../../lib/defined.ts";
import { Failure } from "../../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../../lib/files/files.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { type MeasuredImage, measuredImage } from "../../../lib/tpm/measured-image.ts";
import { apiCommand, type ClientContext } from "./context.ts";

const nonceBytes = 32;

/** What a build's manifest says, as far as it is asked here. */
const manifest = z.object({
  variant: z.string(),
  architecture: z.string(),
  version: z.string(),
  commit: z.string(),
  measured: measuredImage.optional(),
});

type Result = Verified & { keyFile: string; enrolled: boolean };

export const verify = apiCommand({
  name: "verify",
  summary: "Verify by the host's TPM which image, command line and settings it runs",
  description: `Asks the host to sign what its TPM measured, and compares it with the manifests of images, here. The key of the
host's TPM is kept in a file at the first time, and has to be the same from then on.`,
  examples: [
    {
      run: "apiclient --context lab verify lab.pem build/orlop-metal-dev-x86_64-0.1.0-dafe3b16.json",
      description: "the host of that context; the first time, lab.pem is written",
    },
    {
      run: "apiclient --context lab verify lab.pem image.json --settings 4f8b6f0a…",
      description: "the same, and settings as they were when that digest was printed",
    },
  ],
  arguments: {
    key: { value: "KEY", help: "File with the public key of the host's TPM (PEM); made when it is not there" },
    images: {
      value: "MANIFEST",
      help: "The manifest of an image that the host may run, or have its boot loader of",
      many: true,
    },
  },
  options: {
    settings: { type: "text", value: "DIGEST", help: "The settings that it has to have, as printed before" },
    firmware: { type: "text", value: "DIGEST", help: "The firmware that it has to have, as printed before" },
    "added-words": {
      type: "text",
      value: "WORDS",
      help: "What settings.boot.kernel-parameters add to the command line; nothing unless given",
    },
    save: { type: "text", value: "FILE", help: "Also keep what the host showed, for --evidence", complete: "files" },
    evidence: {
      type: "text",
      value: "FILE",
      help: "Verify what was kept before, without the host",
      complete: "files",
    },
  },
  async run(context, options): Promise<Result> {
    const { key, images, settings, firmware, save } = options;
    const named = await imagesIn(images);
    const { shown, nonce } = await shownBy(context, options.evidence);
    const known = await readTextIfPresent(key);
    const expected = { nonce, images: named, ...defined({ settings, firmware, addedWords: options["added-words"] }) };
    const result = verified(shown, { publicKey: known ?? shown.publicKey, ...expected });
    // Not before the rest holds: a key is not worth keeping of a host that nobody should believe.
    if (known === undefined) await writeFileAtomic(key, shown.publicKey);
    if (save !== undefined) await writeFileAtomic(save, `${JSON.stringify(shown)}\n`);
    return { ...result, keyFile: key, enrolled: known === undefined };
  },
  print: ({ image, commandLine, addedWords, secureBoot, firmware, settings, keyFile, enrolled }) =>
    [
      `runs ${image}`,
      `Secure Boot: ${secureBoot ? "on" : "off"}`,
      `signed words: ${commandLine}`,
      ...(addedWords === "" ? [] : [`added words: ${addedWords}`]),
      `firmware: ${firmware}`,
      `settings: version ${settings.version}, ${settings.digest}`,
      ...(enrolled ? [`kept the key of its TPM: ${keyFile}`] : []),
    ].join("\n"),
});

/** A question of now, or what answered an earlier one. */
async function shownBy(
  { api, signal }: ClientContext,
  path: string | undefined,
): Promise<{ shown: Evidence; nonce: string }> {
  if (path !== undefined) {
    const shown = evidence.safeParse(parseJson(await readFile(path, "utf8"), path));
    if (!shown.success) {
      throw new Failure("bad-json", `cannot verify by ${path}: ${z.prettifyError(shown.error)}`, {
        hint: "it is what `apiclient verify --save` kept",
      });
    }
    return { shown: shown.data, nonce: shown.data.nonce };
  }
  const nonce = randomBytes(nonceBytes).toString("hex");
  return { shown: await (await api()).call("getAttestation", { query: { nonce }, signal }), nonce };
}

async function imagesIn(paths: readonly string[]): Promise<ReadonlyMap<string, MeasuredImage>> {
  const images = new Map<string, MeasuredImage>();
  for (const path of paths) {
    const { variant, architecture, version, commit, measured } = await manifestIn(path);
    if (measured === undefined) {
      throw new Failure("bad-manifest", `cannot verify by ${path}: its build does not say what a TPM measures of it`, {
        hint: "build the image anew; older builds did not say it",
      });
    }
    images.set(`orlop-${variant}-${architecture}-${version}-${commit}`, measured);
  }
  return images;
}

async function manifestIn(path: string): Promise<z.infer<typeof manifest>> {
  try {
    return manifest.parse(parseJson(await readFile(path, "utf8")));
  } catch (cause) {
    throw new Failure("bad-manifest", `cannot verify by ${path}: it is no manifest of an image`, {
      cause,
      hint: "it lies beside the image, with .json behind its name",
    });
  }
}

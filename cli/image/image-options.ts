/** What people choose of an image beside its variant: the same words for `./orlop build` and `./orlop release`. */
import type { Options, ValuesOf } from "../../lib/command/command.ts";
import type { ImageRequest } from "./built-image.ts";
import { signingKeyIn, signingKeyOptions } from "./signing-key.ts";

export const imageOptions = {
  ...signingKeyOptions,
  "pcr-signing-key": {
    type: "text",
    value: "KEY",
    help: "Signs what a TPM measures of the image, so that it opens what it keeps: as --signing-key",
    complete: "files",
  },
  "pcr-signing-certificate": {
    type: "text",
    value: "FILE",
    help: "The certificate of that key, in PEM",
    complete: "files",
  },
  "module-key": {
    type: "text",
    value: "FILE",
    help: "The certificate, in PEM, of a key whose kernel modules hosts load under lockdown, where Secure Boot is on",
    complete: "files",
  },
  "kmod-kit": {
    type: "boolean",
    help: "Also make what kernel modules for the image's hosts are built with: VARIANT-ARCH-kmod-kit-vVERSION.tar.xz",
  },
  "with-containers": {
    type: "boolean",
    help: "Put the images of the admin and control containers into the image; with --update-root they lie beside it anyway, for the update repository",
  },
  supply: {
    type: "text",
    many: true,
    value: "NAME=FILE",
    help: "A program that no registry carries, with its licence as LICENSE beside it: ecs-agent, plug-ins of the network of its tasks, and those of SSM's agent for the control container",
  },
} as const satisfies Options;

export type ImageChoices = ValuesOf<typeof imageOptions, Record<never, never>>;

type Chosen = Pick<ImageRequest, "signingKey" | "pcrSigningKey" | "moduleCertificate" | "moduleKit"> & {
  supplied: NonNullable<ImageRequest["supplied"]>;
};

/** @throws {Failure<"usage">} */
export async function imageChoicesIn(values: ImageChoices): Promise<Chosen> {
  const { parseSupply } = await import("../../image/supplied/supplied.ts");
  return {
    signingKey: signingKeyIn("signing", values["signing-key"], values["signing-certificate"]),
    pcrSigningKey: signingKeyIn("pcr-signing", values["pcr-signing-key"], values["pcr-signing-certificate"]),
    moduleCertificate: values["module-key"],
    moduleKit: values["kmod-kit"],
    supplied: { supply: parseSupply(values.supply) },
  };
}

/** What a TPM holds once an image has started, as its build says it. */
import { z } from "zod";

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const measuredImage = z.strictObject({
  /** SHA-256 of PCR 11, once the kernel runs. */
  pcr11: sha256,
  /** Authenticode hashes of what firmware starts, one after the other. */
  loader: sha256,
  unifiedImage: sha256,
  kernel: sha256,
  /** The command line that is signed with the image. */
  commandLine: z.string(),
  /** What becomes an addon with words for the kernel, in base64: firmware measures that too, before the stub reads its words. */
  addonStub: z.base64(),
  /** The key that signs what PCR 11 may hold, in PEM. */
  pcrSigningKey: z.string(),
});

export type MeasuredImage = z.infer<typeof measuredImage>;

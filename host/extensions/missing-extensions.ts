/** Which extensions a host would lose by an update, since the repository has none for the next version. */
import { extensionTarget } from "../../repo/extension.ts";
import type { TrustedRepository } from "../update/fetch/trusted-repository.ts";
import type { UpdateImage } from "../update/state.ts";

export type MissingExtensions = { version: string; names: string[] };

export function missingExtensions(
  trusted: Pick<TrustedRepository, "target">,
  { variant, arch }: Pick<UpdateImage, "variant" | "arch">,
  version: string,
  chosen: readonly string[],
): MissingExtensions | undefined {
  const names = chosen.filter(
    (name) => trusted.target(extensionTarget({ variant, arch, version }, name)) === undefined,
  );
  return names.length === 0 ? undefined : { version, names };
}

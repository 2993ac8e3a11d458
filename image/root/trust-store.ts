/**
 * The certificates that programs trust by default: one bundle of all authorities that Debian ships.
 *
 * It lies in `/usr`; the paths that programs look at lead to it until hostd renders a bundle of its own there
 * (settings.pki).
 */
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { walk } from "./tree.ts";

export const bundlePath = "usr/share/orlop/ca-bundle.crt";

/** Where OpenSSL, GnuTLS, Go and people look for certificates. */
const links = ["etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem", "etc/pki/tls/certs/ca-bundle.crt"];

export async function makeTrustStore(root: string): Promise<void> {
  const folder = join(root, "usr/share/ca-certificates/mozilla");
  const names = (await walk(folder)).map(({ path }) => path).filter((path) => path.endsWith(".crt"));
  const certificates = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  if (certificates.length < 50) {
    throw new Failure("no-certificates", `cannot make the trust store: ca-certificates brought ${names.length} files`);
  }
  await mkdir(dirname(join(root, bundlePath)), { recursive: true });
  await writeFile(join(root, bundlePath), certificates.map((text) => `${text.trim()}\n`).join(""));
  for (const link of links) {
    await mkdir(dirname(join(root, link)), { recursive: true });
    await symlink(`/${bundlePath}`, join(root, link));
  }
}

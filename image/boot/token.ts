/**
 * A private key that never leaves its token: a hardware module, a smart card, or the key service of a cloud.
 *
 * Named by a URI of RFC 7512, `pkcs11:token=orlop;object=db?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/pin`.
 * The provider of OpenSSL does the rest: pkcs11-provider(7).
 */
import { dirname } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { ToolOptions } from "../packages/tools-root.ts";
import type { SigningKey } from "./signing-key.ts";

/** Variables that tell modules where their configuration is; it and what lies beside it are theirs to use. */
const configurations = ["SOFTHSM2_CONF", "YUBIHSM_PKCS11_CONF", "KMS_PKCS11_CONFIG"];

export function isToken(privateKey: string): boolean {
  return privateKey.startsWith("pkcs11:");
}

/** What a program needs to sign with a key: the arguments of systemd-sbsign and systemd-measure or `openssl cms`, and what it may see. */
export type SigningArguments = { sbsign: readonly string[]; openssl: readonly string[]; options: ToolOptions };

/** @throws {Failure<"bad-token">} for a URI that does not say which module, and how it is opened */
export function signerOf({ privateKey, certificate }: SigningKey, environment = process.env): SigningArguments {
  const sbsign = ["--certificate", certificate, "--private-key", privateKey];
  const openssl = ["-signer", certificate, "-inkey", privateKey];
  if (!isToken(privateKey)) return { sbsign, openssl, options: { readOnlyBinds: [privateKey, certificate] } };
  const query = new URLSearchParams(privateKey.split("?")[1] ?? "");
  const module = requireAttribute(privateKey, query, "module-path");
  const pin = requireAttribute(privateKey, query, "pin-source").replace(/^file:/, "");
  const set = configurations.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]]));
  return {
    sbsign: [...sbsign, "--private-key-source", "provider:pkcs11"],
    openssl: [...openssl, "-provider", "default", "-provider", "pkcs11"],
    options: {
      binds: set.map(([, path = ""]) => dirname(path)),
      // What is below /usr is that of the tools root, where the module of SoftHSM is.
      readOnlyBinds: [certificate, pin, ...(module.startsWith("/usr/") ? [] : [module])],
      env: { PKCS11_PROVIDER_MODULE: module, ...Object.fromEntries(set) },
    },
  };
}

function requireAttribute(uri: string, query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value?.replace(/^file:/, "").startsWith("/") === true) return value;
  throw new Failure("bad-token", `cannot sign with ${uri.split("?")[0]}: ${name} is ${value ?? "missing"}`, {
    hint: `expected ${name}=… with an absolute path, behind the question mark of the URI`,
  });
}

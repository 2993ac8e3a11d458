/**
 * User data of the admin container: who may log in over ssh, and how.
 *
 * JSON with the keys of Bottlerocket's admin container, so that what people wrote for it works; those that it does not
 * have are reported and left alone, as there.
 */
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";

const line = z.string().regex(/^[^\n\r\0]+$/, "must be one line");
const word = z.string().regex(/^[^\s\0]+$/, "must be one word");
const words = z.array(word).min(1);

const schema = z.looseObject({
  // As useradd(8) takes it; "root" and the accounts of services are not to be taken over.
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a name of lower-case letters, digits, - and _")
    .refine((name) => !["root", "nobody", "sshd"].includes(name), "must not be an account of the system")
    .default("ec2-user"),
  // A colon would end the field of shadow(5).
  "password-hash": z
    .string()
    .regex(/^\$[^\s:]+$/, "must be a hash as from mkpasswd(1)")
    .optional(),
  ssh: z
    .looseObject({
      "authorized-keys": z.array(line).default([]),
      "trusted-user-ca-keys": z.array(line).default([]),
      "authorized-keys-command": line.optional(),
      "authorized-keys-command-user": word.optional(),
      ciphers: words.optional(),
      "key-exchange-algorithms": words.optional(),
      macs: words.optional(),
    })
    .prefault({}),
});

export type AdminUserData = z.infer<typeof schema>;

/** @throws {Failure<"bad-json" | "bad-user-data">} which say where the document is wrong */
export function readAdminUserData(text: string): { data: AdminUserData; unknown: string[] } {
  const document = text.trim() === "" ? {} : parseJson(text);
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
    throw new Failure("bad-user-data", `cannot use the user data of the admin container${where}: ${issue?.message}`);
  }
  return {
    data: parsed.data,
    unknown: [...unknownKeys(parsed.data, schema.shape, ""), ...unknownSshKeys(parsed.data)],
  };
}

function unknownSshKeys({ ssh }: AdminUserData): string[] {
  return unknownKeys(ssh, schema.shape.ssh.unwrap().shape, "ssh.");
}

function unknownKeys(value: object, known: object, prefix: string): string[] {
  return Object.keys(value)
    .filter((key) => !(key in known))
    .map((key) => `${prefix}${key}`);
}

/** Whether anybody can log in at all. */
export function letsAnybodyIn({ "password-hash": hash, ssh }: AdminUserData): boolean {
  const ways = [hash, ssh["authorized-keys-command"], ...ssh["authorized-keys"], ...ssh["trusted-user-ca-keys"]];
  return ways.some((way) => way !== undefined);
}

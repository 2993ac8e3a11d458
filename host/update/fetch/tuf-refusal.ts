/**
 * What a TUF client's error means for an operator.
 *
 * tuf-js tells by class while it reads root and timestamp, and by the text of a wrapped error while it reads snapshot
 * and targets; both are read here, so that the rest of the host sees stable codes.
 */
import { defined } from "../../../lib/defined.ts";
import { Failure } from "../../../lib/failure.ts";

export type TufCode =
  | "metadata-expired"
  | "metadata-rolled-back"
  | "metadata-not-signed"
  | "metadata-not-consistent"
  | "bad-metadata"
  | "repository-unreachable";

/** What the client saw before it gave up. */
export type ClientView = {
  repository: string;
  /** The failure of the last download that was not answered "not found" where that is an answer. */
  download: Failure | undefined;
  /** When a role's metadata says that it expires. */
  expiresOf(role: string): string | undefined;
  now: Date;
};

/** What tuf-js says may quote what a mirror sent, which may be as long as metadata is. */
const longestText = 500;

/** The failure to tell for an error of tuf-js; undefined for a bug. */
export function refusalOf(error: unknown, seen: ClientView): Failure<TufCode> | undefined {
  if (!(error instanceof Error)) return undefined;
  const text = error.message.slice(0, longestText);
  const refuse = (code: TufCode, reason: string, hint?: string): Failure<TufCode> =>
    new Failure(code, `cannot trust the update repository ${seen.repository}: ${reason}`, {
      cause: new Failure("tuf-client", text), // an answer of the library, no bug: its stack helps nobody
      ...defined({ hint }),
    });
  if (seen.download !== undefined) {
    const { code, message } = seen.download;
    return code === "too-long"
      ? refuse("bad-metadata", message)
      : new Failure("repository-unreachable", `cannot read the update repository ${seen.repository}: ${message}`, {
          cause: seen.download,
        });
  }
  const expired = /(?:Final )?(\w+)(?:\.json)? (?:is )?expired/i.exec(text)?.[1];
  if (expired !== undefined) {
    const at = seen.expiresOf(expired);
    return refuse(
      "metadata-expired",
      `its ${expired} metadata expired${at === undefined ? "" : ` at ${at}`}, and it is ${seen.now.toISOString()} here`,
      "the repository must be refreshed; or the clock of this host is wrong",
    );
  }
  const older = /New (?:(\w+) )?version (\d+)(?: of (\S+))? is less than current version (\d+)/.exec(text);
  if (older !== null) {
    const [, kind, offered, file, known] = older;
    return refuse(
      "metadata-rolled-back",
      `it offers version ${offered} of its ${kind ?? file?.replace(/\.json$/, "") ?? "metadata"}, and this host has seen version ${known}`,
      "a mirror serves old metadata, by mistake or on purpose",
    );
  }
  const unsigned = /(\w+) was signed by (\d+)\/(\d+) keys/.exec(text);
  if (unsigned !== null) {
    const [, role, enough, threshold] = unsigned;
    return refuse("metadata-not-signed", `its ${role} metadata carries ${enough} of ${threshold} signatures it needs`);
  }
  if (/Expected version|match.* (?:timestamp|snapshot)|Missing file|in snapshot|Expected (?:length|hash)/.test(text)) {
    return refuse("metadata-not-consistent", `parts of its metadata do not belong together (${text})`);
  }
  return refuse("bad-metadata", text);
}

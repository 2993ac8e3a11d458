/** Reads what people name on a command line: files, standard input, http(s) and file URLs, `base64:` texts. */
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Failure } from "../../../../lib/failure.ts";
import { followingRedirects } from "../../../../lib/files/http-redirects.ts";
import { partsOf, readToEnd } from "../../../../lib/files/read-to-end.ts";

/** As much as any user data may have. */
const bytesMost = 2 * 1024 * 1024;
const fetchTimeoutMs = 30_000;

/**
 * The bytes behind a source.
 *
 * @param source a path, "-", or a URL
 * @throws {Failure<"cannot-read" | "too-large">}
 */
export async function readSource(
  source: string,
  { stdin, signal }: { stdin: () => AsyncIterable<Uint8Array>; signal: AbortSignal },
): Promise<Uint8Array> {
  if (source === "-") return await whole(stdin(), "standard input");
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(source) ?? [];
  switch (scheme?.toLowerCase()) {
    case undefined:
      return await readLocal(source);
    case "file":
      return await readLocal(pathOf(source));
    case "http":
    case "https":
      return await fetchAll(source, signal);
    case "base64":
      return await whole([decoded(rest)], "the base64 text");
    default:
      throw new Failure("cannot-read", `cannot read ${source}: ${scheme}: is none of file:, http:, https: and base64:`);
  }
}

async function readLocal(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    return await whole(partsOf(file), path);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("cannot-read", `cannot read ${path}`, { cause: error });
  }
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new Failure("cannot-read", `cannot read ${url}: it is no path on this machine`, { cause: error });
  }
}

/** What is read is text or gzip, so the limit holds for the bytes on the wire. */
async function fetchAll(url: string, signal: AbortSignal): Promise<Uint8Array> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMs)]);
  try {
    const response = await followingRedirects(fetch)(new URL(url), { signal: inTime });
    if (!response.ok) throw new Failure("cannot-read", `cannot read ${shownUrl(url)}: status ${response.status}`);
    return await whole(response.body ?? new Blob([]).stream(), shownUrl(url));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    throw new Failure("cannot-read", `cannot read ${shownUrl(url)}`, { cause: error });
  }
}

/** Without credentials. */
function shownUrl(url: string): string {
  return URL.canParse(url) ? url.replace(/\/\/[^/@]*@/, "//") : url;
}

function decoded(text: string): Uint8Array {
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return Buffer.from(text, "base64");
  throw new Failure("cannot-read", "cannot read the base64 text: it has other characters or no full last group");
}

async function whole(parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, subject: string): Promise<Uint8Array> {
  const bytes = await readToEnd(parts, bytesMost);
  if (bytes !== undefined) return bytes;
  throw new Failure("too-large", `cannot read ${subject}: it has more than ${bytesMost} bytes`);
}

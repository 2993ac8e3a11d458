/** The text of a document that came as bytes: gzip is detected, UTF-8 is strict, a mark before it is dropped, size is limited. */
import { encodingByMark, withoutByteOrderMark } from "../../lib/text/encoding.ts";
import { systemErrorCode } from "../../lib/failure.ts";
import type { Problem } from "../model/problem.ts";

/** User data of a cloud is far smaller; a document beyond this is a mistake. */
export const maxDocumentBytes = 1024 * 1024;

/** The text, or why there is none. */
export function textOf(document: string | Uint8Array): string | Problem {
  if (typeof document === "string") {
    if (document.length > maxDocumentBytes) return tooLarge;
    return document.isWellFormed()
      ? withoutByteOrderMark(document)
      : refusal("half of a surrogate pair", document.toWellFormed());
  }
  const bytes = isGzip(document) ? unzipped(document) : document;
  if (!(bytes instanceof Uint8Array)) return bytes;
  if (bytes.length > maxDocumentBytes) return tooLarge;
  const encoding = encodingByMark(bytes);
  if (encoding !== undefined) {
    return { key: "", message: `the document is ${encoding} and must be UTF-8`, line: 1, column: 1 };
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refusal("bytes that are no UTF-8", new TextDecoder("utf-8").decode(bytes));
  }
}

const tooLarge: Problem = {
  key: "",
  message: `the document is larger than ${maxDocumentBytes} bytes`,
  line: 1,
  column: 1,
};

/** Points at the first replacement character of what a lenient reading gives, which may stand in the text itself. */
function refusal(content: string, lenient: string): Problem {
  const before = lenient.slice(0, lenient.indexOf("\uFFFD")).split("\n");
  const column = (before.at(-1) ?? "").length + 1;
  return { key: "", message: `the document holds ${content}`, line: before.length, column };
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function unzipped(bytes: Uint8Array): Uint8Array | Problem {
  // Asked for here because loading it takes 5 ms that most documents need not spend.
  const { gunzipSync } = process.getBuiltinModule("node:zlib");
  try {
    return gunzipSync(bytes, { maxOutputLength: maxDocumentBytes });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ERR_BUFFER_TOO_LARGE") return tooLarge;
    if (code === undefined || !code.startsWith("Z_")) throw error;
    return { key: "", message: `cannot unzip the document: ${String(error)}`, line: 1, column: 1 };
  }
}

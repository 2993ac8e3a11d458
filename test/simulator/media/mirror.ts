/** A mirror of the simulated repository: static files, as they were after a release, from a server that may lie. */
import type { Lie } from "../lives/update-events.ts";

export function askedFrom(init: RequestInit): number {
  return Number(/^bytes=(\d+)-$/.exec(new Headers(init.headers).get("range") ?? "")?.[1] ?? 0);
}

/**
 * @param repositories path below the URL to content, after each release
 * @param published index of the newest release
 */
export function answerOf(
  repositories: readonly ReadonlyMap<string, Buffer>[],
  published: number,
  lie: Lie | undefined,
  url: URL,
  init: RequestInit,
): Response {
  if (lie === "down") return new Response(null, { status: 503 });
  const files = repositories[lie === "old" ? 0 : published];
  const content = files?.get(decodeURIComponent(url.pathname.slice(1)));
  if (content === undefined) return new Response(null, { status: 404 });
  // Whole or as a patch.
  const isImage = url.pathname.includes("-root.");
  const isKernel = url.pathname.includes("-boot.");
  if (lie === "spoilt-patches" && url.pathname.endsWith(".patch")) return ranged(spoilt(content), askedFrom(init));
  if ((lie === "flipped" && isImage) || (lie === "flipped-kernel" && isKernel))
    return whole(Buffer.from(content).fill((content.at(-1) ?? 0) ^ 1, content.length - 1));
  const from = askedFrom(init);
  if (lie === "truncated" && isImage) {
    // Half of it, and then nothing more however often it is asked.
    return whole(content.subarray(0, content.length / 2), content.length, from);
  }
  return ranged(content, from);
}

function ranged(content: Buffer, from: number): Response {
  if (from === 0) return whole(content);
  const headers = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
  return new Response(content.subarray(from), { status: 206, headers });
}

/** One byte is another, by the content: in lists, in frames or in the table of frames. */
function spoilt(content: Buffer): Buffer {
  const changed = Buffer.from(content);
  const at = content.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 0) % content.length;
  changed[at] = (changed[at] ?? 0) ^ 0x55;
  return changed;
}

function whole(content: Buffer, announced = content.length, from = 0): Response {
  return new Response(from === 0 ? content : Buffer.alloc(0), { headers: { "content-length": String(announced) } });
}

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
  const isImage = url.pathname.endsWith("-root.zst");
  const isKernel = url.pathname.endsWith("-boot.efi");
  if ((lie === "flipped" && isImage) || (lie === "flipped-kernel" && isKernel))
    return whole(Buffer.from(content).fill((content.at(-1) ?? 0) ^ 1, content.length - 1));
  const from = askedFrom(init);
  if (lie === "truncated" && isImage) {
    // Half of it, and then nothing more however often it is asked.
    return whole(content.subarray(0, content.length / 2), content.length, from);
  }
  if (from === 0) return whole(content);
  const headers = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
  return new Response(content.subarray(from), { status: 206, headers });
}

function whole(content: Buffer, announced = content.length, from = 0): Response {
  return new Response(from === 0 ? content : Buffer.alloc(0), { headers: { "content-length": String(announced) } });
}

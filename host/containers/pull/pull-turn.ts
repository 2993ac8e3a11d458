/** Containers that start together often have the same image: one of them pulls it, and the others find it there. */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../lib/clock.ts";
import { waitForLock } from "../../../lib/files/file-lock.ts";

/** Waits until no other process pulls that image. A process that ends gives its turn away. */
export async function pullTurn(
  clock: Clock,
  directory: string,
  image: string,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return await waitForLock(join(directory, createHash("sha256").update(image).digest("hex")), clock, signal);
}

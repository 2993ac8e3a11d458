/** Containers that start together often have the same image: one of them pulls it, and the others find it there. */
import { afterFailure } from "../../lib/failure.ts";
import { createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { lockExclusively } from "../../lib/files/file-lock.ts";

const pollMs = 250;

/** Waits until no other process pulls that image. A process that ends gives its turn away. */
export async function pullTurn(
  clock: Clock,
  directory: string,
  image: string,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = await open(join(directory, createHash("sha256").update(image).digest("hex")), "w", 0o600);
  try {
    while (!lockExclusively(file.fd)) await clock.sleep(pollMs, signal);
    return { [Symbol.asyncDispose]: async () => await file.close() };
  } catch (error) {
    throw await afterFailure(error, async () => {
      await file.close();
    });
  }
}

/** How far a pull is, from what containerd tells of it; and when it is too slow to be waited for. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../../../lib/clock.ts";
import { Failure } from "../../../lib/failure.ts";
import { ProgressSchema } from "../containerd/api/transfer-types_pb.ts";
import type { Containerd } from "../containerd/containerd.ts";
import { layerBytes } from "../image.ts";

/** The turn to pull an image is held for as long as it is pulled, so one that trickles is given up. */
const slowest = { bytes: 64 * 1024, waitedMs: 120_000 } as const;

export class PullProgress {
  readonly #containerd: Pick<Containerd, "content">;
  readonly #say: (text: string) => void;
  /** Bytes that are here, by the digest of their layer. */
  readonly #layers = new Map<string, number>();
  #totalBytes: number | undefined;
  /** Bytes that came, and for each step of unpacking as many as make a pull fast enough. */
  #moved = 0;
  #tenth = 0;

  /** @param say gets a line for each tenth */
  constructor(containerd: Pick<Containerd, "content">, say: (text: string) => void) {
    this.#containerd = containerd;
    this.#say = say;
  }

  /** Takes one message of containerd's. */
  async note({ value }: Any): Promise<void> {
    const { event, progress, desc } = fromBinary(ProgressSchema, value);
    if (desc === undefined) return;
    const { digest, mediaType } = desc;
    const isHere = ["complete", "already exists"].includes(event);
    if (/manifest\.v(1|2)\+json$/.test(mediaType) && isHere) {
      const sizes = await layerBytes(this.#containerd, digest);
      this.#totalBytes = sizes.reduce((sum, size) => sum + size, 0);
      this.#say(`${megabytes(this.#totalBytes)} in ${sizes.length} layers`);
    }
    if (event.startsWith("extract")) this.#moved += slowest.bytes;
    else if (isHere || event === "downloading") this.#count(digest, Number(progress), /layer|rootfs/.test(mediaType));
  }

  #count(digest: string, bytes: number, isLayer: boolean): void {
    this.#moved += Math.max(0, bytes - (this.#layers.get(digest) ?? 0));
    if (!isLayer) return;
    this.#layers.set(digest, bytes);
    const total = this.#totalBytes;
    if (total === undefined) return;
    const here = this.#bytesHere();
    const now = Math.floor((here * 10) / Math.max(1, total));
    if (now <= this.#tenth) return;
    this.#tenth = now;
    this.#say(`${megabytes(here)} of ${megabytes(total)}`);
  }

  #bytesHere(): number {
    return [...this.#layers.values()].reduce((sum, each) => sum + each, 0);
  }

  /**
   * Once all layers are here, nobody is to blame but this machine, which takes as long as it takes.
   *
   * @throws {Failure<"too-slow">} when less than 64 KiB came in two minutes, and nothing was unpacked
   */
  async untilTooSlow(clock: Pick<Clock, "sleep">, signal: AbortSignal): Promise<never> {
    for (;;) {
      const before = this.#moved;
      await clock.sleep(slowest.waitedMs, signal);
      const moved = this.#moved - before;
      if (moved >= slowest.bytes || this.#bytesHere() === this.#totalBytes) continue;
      const seconds = slowest.waitedMs / 1000;
      throw new Failure("too-slow", `cannot wait for it: ${moved} bytes came in ${seconds} s`);
    }
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

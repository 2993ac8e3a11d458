/**
 * One shell in which a tour runs as if a person had pasted it: on a terminal, block after block, without a pause.
 *
 * Escape sequences that no program of a tour writes tell where a block ends and which command failed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { TourBlock } from "./tours.ts";

export type BlockResult = {
  /** Without control characters; of a line that was drawn over again, what is left. */
  output: string;
  /** Of commands that failed, in order. */
  exitCodes: number[];
};

/** Keys that come before a program listens are lost, so they are pressed again until the block ends. */
const keyEveryMs = 3_000;

export class TourShell implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #directory: string;
  readonly #results: readonly PromiseWithResolvers<BlockResult>[];
  readonly #blocks: readonly TourBlock[];
  readonly #decoder = new TextDecoder();
  readonly #log: (text: string) => void;
  #text = "";
  #at = 0;
  #keys: ReturnType<typeof setInterval> | undefined;

  private constructor(directory: string, script: string, where: Where, blocks: readonly TourBlock[]) {
    this.#directory = directory;
    this.#blocks = blocks;
    this.#log = where.log;
    this.#results = blocks.map(() => Promise.withResolvers<BlockResult>());
    for (const { promise } of this.#results) promise.catch(() => undefined); // each is asked for in its turn
    this.#child = Bun.spawn(["bash", "--noprofile", "--norc", script], {
      cwd: where.cwd,
      env: where.env,
      terminal: { cols: 160, rows: 50, name: "xterm", data: (_terminal, bytes) => this.#read(bytes) },
    });
    void this.#child.exited.then((code) =>
      this.#fail(new Error(`the shell ended with ${code}: ${this.#lastOutput()}`)),
    );
    this.#begin();
  }

  static async start(blocks: readonly TourBlock[], where: Where): Promise<TourShell> {
    const directory = await mkdtemp(join(tmpdir(), "tour-"));
    const script = join(directory, "tour.sh");
    await Bun.write(script, scriptOf(blocks));
    return new TourShell(directory, script, where, blocks);
  }

  /** Rejects when the shell ended before. */
  async result(block: number): Promise<BlockResult> {
    const result = this.#results[block];
    if (result === undefined) throw new Error(`bug: the tour has no block ${block}`);
    return await result.promise;
  }

  /** What is still to come is not run. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#keys);
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await rm(this.#directory, { recursive: true });
  }

  #read(bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#log(text);
    this.#text += text;
    for (let end = this.#text.indexOf(blockEnd); end >= 0; end = this.#text.indexOf(blockEnd)) {
      const raw = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + blockEnd.length);
      this.#results[this.#at]?.resolve(resultOf(raw));
      this.#at++;
      this.#begin();
    }
  }

  #begin(): void {
    clearInterval(this.#keys);
    const leaves = this.#blocks[this.#at]?.leaves;
    if (leaves !== undefined) this.#keys = setInterval(() => this.#child.terminal?.write(leaves), keyEveryMs);
  }

  #fail(error: Error): void {
    for (const result of this.#results.slice(this.#at)) result.reject(error);
  }

  #lastOutput(): string {
    return resultOf(this.#text).output.slice(-2000);
  }
}

export type Where = { cwd: string; env: Record<string, string | undefined>; log: (text: string) => void };

const blockEnd = "\u001b]777;block\u0007";
const failed = new RegExp(String.raw`\u001b\]777;failed;(\d+)\u0007`, "g");

function scriptOf(blocks: readonly TourBlock[]): string {
  return [
    String.raw`trap 'printf "\033]777;failed;%s\007" "$?" > /dev/tty' ERR`,
    // As in the shell of a person, where a "!" may mean a line of before.
    "set -o history -o histexpand",
    // Keys that were pressed once too often are not for the next command.
    ...blocks.map(
      ({ commands }) =>
        `${commands}while read -r -t 0.1 -N 1 < /dev/tty; do :; done\nprintf '\\033]777;block\\007' > /dev/tty\n`,
    ),
  ].join("\n");
}

function resultOf(raw: string): BlockResult {
  const exitCodes = [...raw.matchAll(failed)].map(([, code]) => Number(code));
  const lines = stripVTControlCharacters(raw.replaceAll(failed, "")).replaceAll(/\r+\n/g, "\n").split("\n");
  return { output: lines.map((line) => line.slice(line.lastIndexOf("\r") + 1)).join("\n"), exitCodes };
}

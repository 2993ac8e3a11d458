/**
 * Runs commands inside a guest of the `dev` variant, which has a root shell on every serial console. For tests only:
 * what a person can do must go through the API.
 *
 * The shell gets a console of its own, so nothing else writes between its lines.
 */
import type { Socket } from "node:net";
import { machineClock } from "../lib/clock.ts";
import { afterFailure, Failure } from "../lib/failure.ts";
import { connectUnix } from "./qemu/unix-socket.ts";

/** What a login shell shows when it waits for a command: "bash-5.2# ", "root@host:~# ". */
const prompt = /^.*[^\s#]# $/m;
const commandTimeoutMs = 60_000;
const pollMs = 10;

export type GuestOutput = { output: string; exitCode: number };

export class GuestShell implements AsyncDisposable {
  readonly #socket: Socket;
  #received = "";
  #count = 0;
  #busy: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text) => (this.#received += String(text)));
    socket.on("error", () => undefined); // told to whoever waits: the connection is then destroyed
  }

  /**
   * Waits for the shell of the next boot, or of this one if nobody was connected before.
   *
   * Nothing is typed before the shell asks for it: the firmware and the boot loader listen on this console too, and
   * would stop in their menus. So connect before the guest gets that far.
   */
  static async connect(socketPath: string, signal: AbortSignal): Promise<GuestShell> {
    const shell = new GuestShell(await connectUnix(socketPath));
    try {
      await shell.untilNextBoot(signal);
      return shell;
    } catch (error) {
      throw await afterFailure(error, async () => {
        await shell[Symbol.asyncDispose]();
      });
    }
  }

  /**
   * Waits for the shell of the boot that follows a reboot or reset.
   *
   * A shell that ends with the old boot is started once more before the machine goes down, and asks too. So a prompt
   * that comes instead of an answer begins the exchange again.
   */
  async untilNextBoot(signal: AbortSignal): Promise<void> {
    await this.#until(prompt, signal);
    for (;;) {
      const id = crypto.randomUUID();
      this.#received = "";
      // From here on the terminal passes bytes as they are and a shell without prompt and editor reads them.
      this.#socket.write(`stty raw -echo; printf 'ready %s\\n' ${id}; exec bash --noprofile --norc -s\n`);
      const ready = `ready ${id}`;
      const [answer] = await this.#until(new RegExp(`${ready}|${prompt.source}`, "m"), signal);
      if (answer === ready) break;
    }
    this.#received = "";
  }

  /**
   * Gives what a command printed, both streams together, without the last newline.
   *
   * @throws {Failure<"guest-command">} unless it exits 0
   */
  async run(command: string, timeoutMs = commandTimeoutMs): Promise<string> {
    const { output, exitCode } = await this.try(command, timeoutMs);
    if (exitCode === 0) return output;
    throw new Failure("guest-command", `cannot run in the guest: ${command}: it exited with ${exitCode}: ${output}`);
  }

  /** Like `run`, for commands whose exit code is an answer. */
  async try(command: string, timeoutMs = commandTimeoutMs): Promise<GuestOutput> {
    const turn = this.#busy.then(async () => this.#exchange(command, timeoutMs));
    this.#busy = turn.catch(() => undefined); // its own caller is told
    return turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.destroy();
    await closed;
  }

  async #exchange(command: string, timeoutMs: number): Promise<GuestOutput> {
    const id = `${++this.#count}-${crypto.randomUUID()}`;
    this.#received = "";
    const quoted = `'${command.replaceAll("'", `'\\''`)}'`;
    // Through a pipe, so that no program pages, colours or asks.
    const piped = `bash -c ${quoted} </dev/null 2>&1 | cat; printf '\\nend %s %d\\n' ${id} "\${PIPESTATUS[0]}"`;
    this.#socket.write(`printf 'begin %s\\n' ${id}; ${piped}\n`);
    const end = new RegExp(`begin ${id}\\n([^]*)\\nend ${id} (\\d+)\\n`);
    try {
      const match = await this.#until(end, AbortSignal.timeout(timeoutMs));
      const [, output = "", exitCode = ""] = match;
      return { output: output.replace(/\n$/, ""), exitCode: Number(exitCode) };
    } catch (error) {
      const so = this.#received.slice(-500);
      throw new Failure("guest-command", `cannot run in the guest: ${command}: no end in sight after: ${so}`, {
        cause: error,
      });
    }
  }

  async #until(pattern: RegExp, signal: AbortSignal): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#received);
      if (match !== null) return match;
      if (this.#socket.destroyed) throw new Error("the machine is gone");
      await machineClock.sleep(pollMs, signal);
    }
  }
}

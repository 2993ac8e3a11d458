/** Standard input and output of this process as they are, for a command that is a conversation and not a result. */
import type { ReadStream, WriteStream } from "node:tty";

export type Terminal = {
  size: () => { rows: number; columns: number };
  onResize: (listener: () => void) => void;
  /** Keys come one by one and unechoed, Ctrl-C included, for as long as this lives. */
  raw: () => Disposable;
};

export type Conversation = {
  /** As it comes, to its end. */
  input: AsyncIterable<Uint8Array>;
  /** Resolves when more may be written. */
  output: (bytes: Uint8Array) => Promise<void>;
  /** Undefined unless a person sits at both. */
  terminal: Terminal | undefined;
};

export function standardConversation(): Conversation {
  const { stdin, stdout } = process;
  return {
    input: stdin,
    output: async (bytes) => {
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      stdout.write(bytes, (error) => (error ? reject(error) : resolve(undefined)));
      await promise;
    },
    terminal: stdin.isTTY && stdout.isTTY ? terminalOf(stdin, stdout) : undefined,
  };
}

function terminalOf(stdin: ReadStream, stdout: WriteStream): Terminal {
  return {
    size: () => ({ rows: stdout.rows, columns: stdout.columns }),
    onResize: (listener) => void stdout.on("resize", listener),
    raw() {
      stdin.setRawMode(true);
      return { [Symbol.dispose]: () => void stdin.setRawMode(false) };
    },
  };
}

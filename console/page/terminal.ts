/** xterm.js at one end, the websocket of `server/terminal.ts` at the other. */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";

export function openTerminal(
  place: HTMLElement,
  { name, command }: { name: string; command: string },
  signal: AbortSignal,
  ended: (sentence: string) => void,
): void {
  if (signal.aborted) return;
  const terminal = new Terminal({ fontSize: 13, screenReaderMode: true });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(place);
  fit.fit();
  const query = new URLSearchParams({ name, command, rows: String(terminal.rows), cols: String(terminal.cols) });
  const address = new URL(`terminal?${query.toString()}`, location.href);
  address.protocol = "ws:";
  address.hash = "";
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const encoder = new TextEncoder();
  let sentence = "the connection ended";
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
    if (typeof data === "string") sentence = endedIn(data);
    else terminal.write(new Uint8Array(data));
  };
  socket.onclose = () => ended(sentence);
  const send = (bytes: Uint8Array<ArrayBuffer>): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
  };
  terminal.onData((text) => send(encoder.encode(text)));
  terminal.onBinary((text) => send(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  terminal.onResize(({ rows, cols }) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ rows, cols }));
  });
  const resized = new ResizeObserver(() => fit.fit());
  resized.observe(place);
  terminal.focus();
  signal.addEventListener(
    "abort",
    () => {
      resized.disconnect();
      socket.close();
      terminal.dispose();
    },
    { once: true },
  );
}

function endedIn(text: string): string {
  const message: unknown = JSON.parse(text);
  return typeof message === "object" && message !== null && "ended" in message ? String(message.ended) : text;
}

/** The terminal makes style sheets of its own; the policy of this page lets those through that have its nonce. */
function giveStylesTheirNonce(): void {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? "";
  const createElement = document.createElement.bind(document);
  // Not by xterm's `documentOverride`: its viewport asks the window for the document.
  Object.defineProperty(document, "createElement", {
    value(tag: string, options?: ElementCreationOptions): HTMLElement {
      const element = createElement(tag, options);
      if (element instanceof HTMLStyleElement) element.nonce = nonce;
      return element;
    },
  });
}

giveStylesTheirNonce();

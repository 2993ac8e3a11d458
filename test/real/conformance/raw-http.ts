/** Bytes to a host's socket as a client of somebody else's writes them, and the bytes that come back. */
import { connect } from "node:net";

export type RawAnswer = { status: number; headers: ReadonlyMap<string, string>; body: string };

/** One request in the bytes that are named; the answer must tell its length. */
export async function sendBytes(socketPath: string, bytes: string): Promise<RawAnswer> {
  const socket = connect(socketPath);
  try {
    socket.write(bytes);
    let text = "";
    socket.setEncoding("utf8");
    for await (const part of socket) {
      text += part;
      const answer = parsed(text);
      if (answer !== undefined) return answer;
    }
    throw new Error(`the connection ended after ${JSON.stringify(text)}`);
  } finally {
    socket.destroy();
  }
}

/** Undefined until all of it is there. */
function parsed(text: string): RawAnswer | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map(lines.map((line) => [line.split(":", 1)[0]?.toLowerCase() ?? "", valueOf(line)]));
  const body = text.slice(end + 4);
  if (Buffer.byteLength(body) < Number(headers.get("content-length") ?? 0)) return undefined;
  return { status: Number(first.split(" ")[1]), headers, body };
}

const valueOf = (line: string): string => line.slice(line.indexOf(":") + 1).trim();

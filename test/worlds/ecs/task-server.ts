/**
 * The websocket by which agents of ECS get their tasks: the part of ACS that a stand-in for the agent follows.
 *
 * Source: https://github.com/aws/amazon-ecs-agent, ecs-agent/acs/model/api/api-2.json.
 */
import { z } from "zod";
import { parseJson } from "../../../lib/text/json.ts";

export type EcsTask = {
  arn: string;
  containers: { name: string; image: string; command?: string[] }[];
};

const Ack = z.looseObject({ type: z.literal("AckRequest"), message: z.looseObject({ messageId: z.string() }) });

type Agent = { containerInstance: string };

export class TaskServer implements AsyncDisposable {
  readonly #server: Bun.Server<Agent>;
  readonly #agents = new Map<string, Bun.ServerWebSocket<Agent>>();
  /** Messages that an agent took. */
  readonly acknowledged = new Set<string>();
  /** How often an agent connected. */
  connections = 0;

  /** @param tls in PEM */
  constructor(tls: { certificate: string; key: string }) {
    this.#server = Bun.serve<Agent>({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: tls.certificate, key: tls.key },
      fetch(request, server) {
        const containerInstance = new URL(request.url).searchParams.get("containerInstanceArn") ?? "";
        if (server.upgrade(request, { data: { containerInstance } })) return undefined;
        return new Response("a websocket is expected", { status: 400 });
      },
      websocket: {
        open: (socket) => {
          this.connections++;
          this.#agents.set(socket.data.containerInstance, socket);
        },
        close: (socket) => {
          const { containerInstance } = socket.data;
          if (this.#agents.get(containerInstance) === socket) this.#agents.delete(containerInstance);
        },
        message: (_socket, text) => {
          const ack = Ack.safeParse(parseJson(String(text)));
          if (ack.success) this.acknowledged.add(ack.data.message.messageId);
        },
      },
    });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  isConnected(containerInstance: string): boolean {
    return this.#agents.has(containerInstance);
  }

  /** Gives the id of the message. */
  send(containerInstance: string, task: EcsTask, desiredStatus: "RUNNING" | "STOPPED"): string {
    const agent = this.#agents.get(containerInstance);
    if (agent === undefined) throw new Error(`no agent of ${containerInstance} is connected`);
    const messageId = crypto.randomUUID();
    const message = { messageId, containerInstanceArn: containerInstance, tasks: [{ ...task, desiredStatus }] };
    agent.send(JSON.stringify({ type: "PayloadMessage", message }));
    return messageId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

/** What the page of a fleet asks for: events as they come, one node's details, and that the fleet stops. */
import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { machineClock } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import { type EventStream, eventStream, jsonTextOf, replyJson } from "../../web/server/answers.ts";
import type { Inside } from "../../web/server/loopback-server.ts";
import { FleetFeed } from "./fleet-feed.ts";
import type { FleetSource } from "./fleet-source.ts";
import type { FleetViewer } from "./fleet-update.ts";

/** Whoever came in. */
export type FleetVisitor = {
  /** Asked anew at each visit: rights come and go. */
  viewer: (signal: AbortSignal) => Promise<FleetViewer>;
  /** For the record; undefined where the cluster itself knows who writes. */
  name: string | undefined;
  /** When they have to come in anew; never unless given. */
  ends?: AbortSignal;
};

/** So often it is asked anew whether somebody who looks still may. */
const reviewMs = 5 * 60_000;

const bodyBytesMost = 16 * 1024;
const stopRequest = z.strictObject({
  policy: z.string().min(1).max(253),
  reason: z.string().trim().min(1, "a reason is expected").max(500),
});

export class FleetConsole {
  readonly #source: FleetSource;
  readonly #feed: FleetFeed;

  constructor(source: FleetSource) {
    this.#source = source;
    this.#feed = new FleetFeed(source, machineClock);
  }

  /** False when there is nothing but files at that path. */
  async answer({ path, query, request, response }: Inside, visitor: FleetVisitor, stop: AbortSignal): Promise<boolean> {
    if (request.method === "POST" && path === "stop") {
      replyJson(response, 200, await this.#stop(request, visitor, stop));
      return true;
    }
    if (request.method !== "GET") return false;
    if (path === "events") {
      const viewer = await visitor.viewer(stop);
      const stream = eventStream(
        response,
        AbortSignal.any([stop, ...(visitor.ends === undefined ? [] : [visitor.ends])]),
      );
      stream.send({ viewer });
      this.#feed.listen(stream.send, stream.signal, stop);
      void review(stream, visitor).catch(() => response.destroy());
    } else if (path === "node") {
      const details = this.#feed.details(query.get("name") ?? "");
      replyJson(response, details === undefined ? 404 : 200, details);
    } else return false;
    return true;
  }

  async #stop(
    request: IncomingMessage,
    { viewer, name }: FleetVisitor,
    signal: AbortSignal,
  ): Promise<{ policy: string }> {
    const wanted = stopRequest.safeParse(parseJson(await jsonTextOf(request, bodyBytesMost)));
    if (!wanted.success) throw new Failure("bad-body", `cannot stop the fleet: ${z.prettifyError(wanted.error)}`);
    const { hindrance } = await viewer(signal);
    if (hindrance !== undefined || this.#source.stop === undefined) {
      throw new Failure("forbidden", `cannot stop the fleet: ${hindrance ?? "there is nothing to stop"}`);
    }
    const { policy, reason } = wanted.data;
    await this.#source.stop(policy, reason, name, signal);
    return { policy };
  }
}

/** Ends with the stream; rejects when whoever looks may not any more, or when nobody can say. */
async function review({ send, signal }: EventStream, visitor: FleetVisitor): Promise<void> {
  for (;;) {
    await machineClock.sleep(reviewMs, signal);
    send({ viewer: await visitor.viewer(signal) });
  }
}

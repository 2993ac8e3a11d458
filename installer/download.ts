/** Files of a web server that may be restarted, or be behind a network that is not up yet: a download goes on where it broke off. */
import { Failure, messageOf } from "../lib/failure.ts";
import type { Clock } from "../lib/clock.ts";
import { bytesOf, chunksOf } from "../lib/files/http-body.ts";
import { followingRedirects, shownPlace } from "../lib/files/http-redirects.ts";
import { rangeHeaders, restAnswer } from "../lib/files/resumption.ts";

export type Persistence = {
  clock: Pick<Clock, "sleep">;
  /** Called with why it is tried again. */
  retries: (reason: string) => void;
  /** In a row, without a byte between them. */
  triesMost?: number;
};

/** What comes by https has the settings of a host in it, so nobody on the way may lead it elsewhere. */
const asked = followingRedirects(fetch);

const stallMs = 60_000;
const pauseMs = 5_000;
/** A switch that learns that a port is up takes a minute; a server that boots beside this machine some. */
const usualTries = 60;

/**
 * The bytes of a file.
 *
 * @throws {Failure<"no-download">}
 */
export async function* downloaded(url: string, patience: Persistence): AsyncGenerator<Uint8Array> {
  const { triesMost = usualTries } = patience;
  let at = 0;
  for (let tries = 1; ; tries++) {
    try {
      for await (const chunk of rest(url, at)) {
        at += chunk.length;
        tries = 1;
        yield chunk;
      }
      return;
    } catch (error) {
      if (tries >= triesMost) {
        throw new Failure("no-download", `cannot fetch ${shownPlace(new URL(url))}: tried ${tries} times`, {
          cause: error,
        });
      }
      patience.retries(messageOf(error));
      await patience.clock.sleep(pauseMs);
    }
  }
}

/** From `offset` on, whether the server can begin there or not. */
async function* rest(url: string, offset: number): AsyncGenerator<Uint8Array> {
  const response = await asked(new URL(url), { headers: rangeHeaders(offset) });
  const answer = restAnswer(response, offset);
  if ((answer !== "rest" && answer !== "whole") || response.body === null) {
    throw new Failure("no-download", `cannot fetch ${shownPlace(new URL(url))}: the server answers ${response.status}`);
  }
  let unwanted = answer === "whole" ? offset : 0;
  const announced = Number(response.headers.get("content-length") ?? Number.NaN);
  let received = 0;
  for await (const chunk of chunksOf(response.body, { stallMs })) {
    received += chunk.length;
    const wanted = chunk.subarray(Math.min(unwanted, chunk.length));
    unwanted -= chunk.length - wanted.length;
    if (wanted.length > 0) yield wanted;
  }
  if (received < announced) {
    throw new Failure(
      "no-download",
      `cannot fetch ${shownPlace(new URL(url))}: it ends after ${received} of ${announced} bytes`,
    );
  }
}

/**
 * A small text.
 *
 * @throws {Failure<"no-download">}
 */
export async function downloadedText(url: string, mostBytes: number, patience: Persistence): Promise<string> {
  const { triesMost = usualTries } = patience;
  for (let tries = 1; ; tries++) {
    try {
      const response = await asked(new URL(url), {});
      if (!response.ok)
        throw new Failure(
          "no-download",
          `cannot fetch ${shownPlace(new URL(url))}: the server answers ${response.status}`,
        );
      return (await bytesOf(response, shownPlace(new URL(url)), { mostBytes, stallMs })).toString("utf8");
    } catch (error) {
      if (tries >= triesMost) {
        throw new Failure("no-download", `cannot fetch ${shownPlace(new URL(url))}: tried ${tries} times`, {
          cause: error,
        });
      }
      patience.retries(messageOf(error));
      await patience.clock.sleep(pauseMs);
    }
  }
}

/**
 * A walk over Bottlerocket's API and its corners, kept as data and replayed against ours: `bottlerocket-walk.jsonl` has a
 * request a line, in the order in which they are sent, with what Bottlerocket's server answers. Where ours differs, the
 * line has our answer too, and the sentence under "Differences from Bottlerocket" in docs/api.md that says so.
 *
 * A shape is made of names of types and of tables and lists of shapes. `*` stands for every further name of a table, and
 * `-` says that there is none; `[]` is a list without items, `[shape]` one with some, `["*", shape]` one with or without.
 *
 * Source: bottlerocket-core-kit sources/api/openapi.yaml and apiserver/src/server, as of a10182f9.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { anyJson } from "../../../api/answers.ts";
import { send } from "../../../api/client/transport.ts";
import { isJsonObject, parseJson, type Json } from "../../../lib/text/json.ts";
import { runningHost, type RunningHost } from "../../worlds/host/running-host.ts";

const expected = { status: z.int(), type: z.string().optional(), shape: anyJson.optional() };
const row = z.strictObject({
  request: z.string(),
  body: anyJson.optional(),
  /** Instead of a body that is JSON. */
  bytes: z.string().optional(),
  contentType: z.string().optional(),
  ...expected,
  ours: z
    .strictObject({ difference: z.string(), ...expected })
    .partial({ status: true })
    .optional(),
});

const walk = readFileSync(join(import.meta.dir, "bottlerocket-walk.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => row.parse(parseJson(line)));

const guide = readFileSync(join(import.meta.dir, "../../../docs/api.md"), "utf8");
const differences = guide.slice(guide.indexOf("## Differences from Bottlerocket")).replaceAll(/\s+/g, " ");

let host: RunningHost;
beforeAll(async () => {
  host = await runningHost();
  host.units.set("ephemeral-storage.service", { state: "inactive", started: 0, reloaded: 0 });
});
afterAll(async () => await host[Symbol.asyncDispose]());

test("the walk goes as far as it did", () => {
  expect(walk.length).toBeGreaterThan(150);
  expect(walk.filter(({ ours }) => ours === undefined).length).toBeGreaterThan(120);
});

for (const [
  at,
  { request, body, bytes, contentType = "application/json", status, type, shape, ours },
] of walk.entries()) {
  const sent = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
  test(`${at + 1}: ${request} ${sent ?? ""}`, async () => {
    const [method = "", target = ""] = request.split(" ");
    const headers = { "content-type": contentType };
    const answer = await send({ socket: host.socket }, { method, target, headers, body: sent });
    const meant = { status, type, shape, ...ours };
    expect([answer.status, answer.body]).toEqual([meant.status, expect.anything()]);
    if (meant.type !== undefined) expect(answer.contentType).toBe(meant.type);
    if (meant.status === 200 && meant.shape !== undefined) {
      expect(answer.contentType).toBe("application/json");
      expect(misfits(parseJson(answer.body), meant.shape)).toEqual([]);
    }
    if (ours === undefined) return;
    expect(differences).toContain(ours.difference);
    const asTheirs =
      answer.status === status && (shape === undefined || misfits(parseJson(answer.body), shape).length === 0);
    expect(asTheirs).toBe(false); // a difference that is none any more is not told
  });
}

/** Where a value is not as a shape has it. */
function misfits(value: Json | undefined, shape: Json, place = "answer"): string[] {
  if (typeof shape === "string") return typeof value === shape ? [] : [`${place} is no ${shape}`];
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${place} is no list`];
    const isAnyLength = shape[0] === "*";
    const item = shape.at(-1);
    if (!isAnyLength && (item === undefined) !== (value.length === 0)) return [`${place} has ${value.length} items`];
    return item === undefined ? [] : value.flatMap((each, at) => misfits(each, item, `${place}[${at}]`));
  }
  if (!isJsonObject(shape) || !isJsonObject(value)) return [`${place} is no table`];
  const { "*": further, "-": nothingElse, ...named } = shape;
  const unnamed = Object.entries(value).filter(([name]) => !Object.hasOwn(named, name));
  return [
    ...Object.entries(named).flatMap(([name, inner]) => misfits(value[name], inner, `${place}.${name}`)),
    ...(further === undefined ? [] : unnamed.flatMap(([name, inner]) => misfits(inner, further, `${place}.${name}`))),
    ...(nothingElse === undefined ? [] : unnamed.map(([name]) => `${place} has ${name}`)),
  ];
}

import { expect, test } from "bun:test";
import type { NodePicture } from "../picture/fleet-picture.ts";
import { FleetStore, sentenceOf } from "./page/fleet-store.ts";
import { SentNodes } from "./sent-nodes.ts";

const waiting = (name: string, claimed: number): NodePicture => ({
  name,
  policy: "web",
  zone: "a",
  step: "Idle",
  version: "1.0.0",
  target: "1.1.0",
  cause: "budget",
  sentence: `waits for a place: ${claimed} of 9 at work`,
});

const names = Array.from({ length: 50 }, (_, index) => `node-${index}`);

test("a sentence that thousands share is sent once when it changes, and the nodes not at all", () => {
  const sent = new SentNodes();
  expect(sent.renew(names.map((name) => waiting(name, 1))).nodes?.put).toHaveLength(50);
  const next = sent.renew(names.map((name) => waiting(name, 2)));
  expect(next).toEqual({ common: { "web budget 1.1.0": "waits for a place: 2 of 9 at work" } });
  expect(sent.renew(names.map((name) => waiting(name, 2)))).toEqual({});
});

test("the page has at each moment what was sent, whenever it came", () => {
  const sent = new SentNodes();
  const early = new FleetStore();
  early.take(sent.renew(names.map((name) => waiting(name, 1))), 0);
  const own: NodePicture = { ...waiting("node-7", 1), sentence: "waits for zone b to be done" };
  const later = [...names.slice(0, 7).map((name) => waiting(name, 3)), own, waiting("node-99", 3)];
  early.take(sent.renew(later), 0);
  const late = new FleetStore();
  late.take(sent.all, 0);
  for (const { state } of [early, late]) {
    const shown = new Map(state.nodes?.map((node) => [node.name, sentenceOf(state, node)]));
    expect(shown).toEqual(new Map(later.map(({ name, sentence }) => [name, sentence])));
  }
});

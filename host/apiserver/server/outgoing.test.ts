import { expect, test } from "bun:test";
import { Outgoing } from "./outgoing.ts";

const limits = { smallBytes: 10, shareBytes: 100, othersBytes: 200, bytes: 300 };
const busy = { code: "too-busy" };

test("who does not read what was answered gets no more, until it has", () => {
  const outgoing = new Outgoing(limits);
  const giveBack = outgoing.take(80, "reader", false);
  expect(() => outgoing.take(80, "reader", false)).toThrow(expect.objectContaining(busy));
  giveBack();
  giveBack(); // a connection may end twice
  expect(outgoing.bytes).toBe(0);
  outgoing.take(80, "reader", false);
});

test("all who are no administrators together leave room for those who are", () => {
  const outgoing = new Outgoing(limits);
  outgoing.take(100, "one", false);
  outgoing.take(100, "two", false);
  expect(() => outgoing.take(100, "three", false)).toThrow(expect.objectContaining(busy));
  outgoing.take(100, "ada", true);
  expect(() => outgoing.take(100, "bob", true)).toThrow(expect.objectContaining(busy));
  expect(outgoing.bytes).toBe(300);
});

test("a small answer always goes out, and one that is larger than the budget goes out alone", () => {
  const outgoing = new Outgoing(limits);
  outgoing.take(1000, "reader", false);
  for (let count = 0; count < 100; count++) outgoing.take(10, "reader", false);
  expect(outgoing.bytes).toBe(1000);
  expect(() => outgoing.take(11, "ada", true)).toThrow(expect.objectContaining(busy));
});

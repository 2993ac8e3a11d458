import { expect, test } from "bun:test";
import { Failure } from "./failure.ts";
import { Place, Turns } from "./place.ts";

const place = () => new Place<string>((work) => new Failure("busy", `cannot begin: ${work} runs`));

test("of two that come at once the second is refused, and the place is free once the first has ended", async () => {
  const slot = place();
  const work = async (name: string): Promise<string> => {
    using _work = slot.acquire(name);
    await Promise.resolve();
    return name;
  };
  const [first, second] = await Promise.allSettled([work("first"), work("second")]);
  expect(first).toEqual({ status: "fulfilled", value: "first" });
  expect(second).toMatchObject({ reason: { message: "cannot begin: first runs" } });
  expect(slot.work).toBeUndefined();
  expect(await work("third")).toBe("third");
});

test("work that fails gives its place back, and giving it back twice takes it from nobody", () => {
  const slot = place();
  const first = slot.acquire("first");
  first[Symbol.dispose]();
  using _second = slot.acquire("second");
  first[Symbol.dispose]();
  expect(slot.work).toBe("second");
});

test("turns come in order, one at a time, also behind one that fails", async () => {
  const turns = new Turns();
  const ran: string[] = [];
  const work = (name: string) =>
    turns.next(async () => {
      ran.push(`${name} begins`);
      await Bun.sleep(1);
      ran.push(`${name} ends`);
      if (name === "bad") throw new Error("bad");
    });
  await Promise.allSettled([work("bad"), work("good")]);
  expect(ran).toEqual(["bad begins", "bad ends", "good begins", "good ends"]);
});

import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { explain } from "../failure.ts";
import { readRecord } from "./record.ts";

const schema = z.object({ process: z.object({ pid: z.number() }) });

test("damage of every kind names the record, what is wrong and the remedy", async () => {
  const directory = await mkdtemp(join(tmpdir(), "orlop-record-"));
  try {
    const path = join(directory, "record.json");
    const read = async () => await readRecord(path, schema, "remove it");
    expect(await read()).toBeUndefined();
    await writeFile(path, `{"process":{"pid":7}}`);
    expect(await read()).toEqual({ process: { pid: 7 } });
    for (const [text, why] of [
      ["", "cannot read JSON: line 1"],
      ["\0\0\0\0", "cannot read JSON"],
      [`{"process":`, "cannot read JSON"],
      ["{}", "process: "],
      ["null", "expected object"],
      [`{"process":{"pid":"7"}}`, "process.pid: "],
    ]) {
      await writeFile(path, text ?? "");
      const error: unknown = await read().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "damaged-record", hint: "remove it" });
      expect(explain(error).split("\n")[0]).toContain(`cannot use the record ${path}: `);
      expect(String(error)).toContain(why ?? "");
    }
    await rm(path);
    await mkdir(path);
    await expect(read()).rejects.toMatchObject({ code: "damaged-record", hint: "remove it" });
  } finally {
    await rm(directory, { recursive: true });
  }
});

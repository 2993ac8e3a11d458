import { expect, test } from "bun:test";
import { join } from "node:path";
import { parse } from "smol-toml";
import { testType } from "../test/type-cases.ts";
import { certificates, certificatesIn, certificatesOrNone } from "./pem.ts";

const sample = await Bun.file(join(import.meta.dir, "samples", "eks.toml")).text();
const encoded = /cluster-certificate = "(.*)"/.exec(sample)?.[1] ?? "";
const pem = Buffer.from(encoded, "base64").toString();
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const damaged = base64(pem.replace("MII", "AAA"));
const junk = [base64("hello"), damaged, base64(pem + pem.replace("MII", "AAA")), "not base64!", pem];

testType("certificates", certificates, {
  accepts: [encoded, base64(pem + pem), base64(`# from us\n${pem}`)],
  refuses: ["", base64("\n"), ...junk],
});
testType("certificatesOrNone", certificatesOrNone, { accepts: [encoded, "", base64("\n \n")], refuses: junk });

test("certificatesIn reads every block", () => {
  expect(parse(sample)).toHaveProperty(["settings", "kubernetes", "cluster-certificate"], encoded);
  expect(certificatesIn(base64(pem + pem))?.map(({ subject }) => subject)).toEqual(["CN=Example CA", "CN=Example CA"]);
  expect(certificatesIn(base64("none"))).toEqual([]);
  expect(certificatesIn(damaged)).toBeUndefined();
});

import { expect, test } from "bun:test";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { commandLineWords } from "./boot-parameters.ts";
import { checkDocument } from "../document/check.ts";
import { readDocument } from "../document/document.ts";

const model = modelNamed("dev");

function wordsOf(parameters: string, init = ""): string {
  const reading = readDocument(
    `[settings.boot.kernel-parameters]\n${parameters}\n[settings.boot.init-parameters]\n${init}`,
    model,
  );
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return commandLineWords(model.complete(reading.value).boot);
}

function problemsOf(parameters: string): string[] {
  return checkDocument(`[settings.boot.kernel-parameters]\n${parameters}\n`, model).problems.map(
    ({ message, line }) => `${line}: ${message.replace("settings.boot.kernel-parameters", "…")}`,
  );
}

test("parameters stay in the order in which they are written, a word for each value", () => {
  const text = 'quiet = []\nloglevel = ["7"]\nconsole = ["tty0", "ttyS1,115200n8"]\nnote = ["two words"]\n';
  const init = '"systemd.log_level" = ["debug"]\nsplash = []\n';
  expect(wordsOf(text, init)).toBe(
    'quiet loglevel=7 console=tty0 console=ttyS1,115200n8 note="two words" systemd.log_level=debug splash',
  );
  expect(wordsOf('loglevel = ["7"]\nquiet = []')).toBe("loglevel=7 quiet");
});

test("a value that brings its own quotes keeps them", () => {
  expect(wordsOf(`dyndbg = ['"file ec.c +p"']`)).toBe('dyndbg="file ec.c +p"');
  expect(wordsOf(`empty = [""]`)).toBe("empty=");
});

test.each([
  [
    'default_hugepagesz = ["1G"]\nhugepagesz = ["1G", "2M"]\nhugepages = ["2", "64"]',
    "default_hugepagesz=1G hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=64",
  ],
  [
    'hugepages = ["2", "64"]\nquiet = []\nhugepagesz = ["1G", "2M"]',
    "hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=64 quiet",
  ],
  ['hugepages = ["8", "2"]\nhugepagesz = ["1G"]', "hugepages=8 hugepagesz=1G hugepages=2"],
  ['hugepagesz = ["1G"]\nhugepages = ["0:2,1:4"]', "hugepagesz=1G hugepages=0:2,1:4"],
  ['hugepages = ["512"]', "hugepages=512"],
  ['hugepagesz = ["1G", "2M"]', "hugepagesz=1G hugepagesz=2M"],
  ['default_hugepagesz = ["1G"]\nhugepages = ["2"]', "default_hugepagesz=1G hugepages=2"],
])("each count of huge pages follows its size: %j", (text, words) => {
  expect(wordsOf(text)).toBe(words);
});

test.each([
  ['roothash = ["0"]', "2: ….roothash must not be set: it is the image's own"],
  ['enforcing = ["0"]', "2: ….enforcing must not be set: it is the image's own"],
  ['selinux = ["0"]', "2: ….selinux must not be set: it is the image's own"],
  ['lsm = ["yama"]', "2: ….lsm must not be set: it is the image's own"],
  ['init = ["/bin/sh"]', "2: ….init must not be set: it is the image's own"],
  [
    `note = ["${"x".repeat(500)}", "${"y".repeat(500)}"]`,
    "1: … and init-parameters must have at most 1000 bytes on the command line, not 1011",
  ],
  [
    'hugepagesz = ["1G", "2M"]\nhugepages = ["2"]',
    "3: ….hugepages must have a value for each of hugepagesz, which has 2, and perhaps one before for the default size, not 1",
  ],
  [
    'hugepages = ["2", "64"]',
    "2: ….hugepages must have a value for each of hugepagesz, which has 0, and perhaps one before for the default size, not 2",
  ],
  [
    `note = ['a "b" c']`,
    `2: ….note[0] must be printable ASCII without both kinds of quotes, double ones only around all of it, not "a \\"b\\" c"`,
  ],
  [
    `note = ['a"']`,
    `2: ….note[0] must be printable ASCII without both kinds of quotes, double ones only around all of it, not "a\\""`,
  ],
])("what the kernel could not be given is refused: %s", (text, problem) => {
  expect(problemsOf(text)).toEqual([problem]);
});

test("the image's own words are refused among the parameters of init too", () => {
  const report = checkDocument('[settings.boot.init-parameters]\nroot = ["/dev/sda1"]\n', model);
  expect(report.problems.map(({ message }) => message)).toEqual([
    "settings.boot.init-parameters.root must not be set: it is the image's own",
  ]);
});

/** Splits a command line as a shell does, for the lines that our pages and help texts show. */

/** The words of the first command; undefined when the line needs more of a shell than quotes, `#`, pipes and files. */
export function shellWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === "'" || char === '"') {
      const end = line.indexOf(char, at + 1);
      if (end < 0) return undefined;
      word = (word ?? "") + line.slice(at + 1, end);
      at = end;
    } else if (char === " ") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (word === undefined && "#|<>&".includes(char)) {
      // A comment, the next command, or a file: none of them is a word of this command.
      return line.startsWith("<(", at) ? undefined : words;
    } else if ("$`;(".includes(char)) return undefined;
    else word = (word ?? "") + char;
  }
  return word === undefined ? words : [...words, word];
}

/** Text of somebody else on a terminal: it must neither steer the terminal nor look like more lines than it is. */

/** Lines stay lines. Escape sequences begin with a control character (ECMA-48, 5.4). */
export const printable = (text: string): string =>
  text.replaceAll(/\p{Cc}+/gu, (controls) => (/^[\n\t]+$/.test(controls) ? controls : onlyLines(controls)));

/** For what is one line, whatever somebody wrote into it. */
export const onOneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");

const onlyLines = (controls: string): string => controls.replaceAll(/[^\n\t]+/g, " ");

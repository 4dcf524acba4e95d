// Code points of letters that a reader takes for Latin ones: Unicode's confusables of one letter for one, without those
// Greek letters that formulas are written with. Cyrillic, Greek, Armenian, Cherokee, small capitals; all of Lisu below.
const lookAlikeCodes = `430 435 43a 43e 440 441 443 445 455 456 458 475 4bb 4cf 501 51b 51d 405 406 408 410 412 415 41a 41c 41d 41e
  420 421 422 423 425 4ae 4c0 50c 51a 51c 391 392 395 396 397 399 39a 39c 39d 39f 3a1 3a4 3a5 3a7 3bf 3f2 3f3 570 575 578 57d
  581 585 13a0 13a1 13a2 13aa 13ab 13ac 13b3 13b7 13bb 13c0 13c3 13d2 13da 13de 13df 13e2 13e6 13f4 1d04 1d0f 1d20 1d21 1d22`;
const lookAlikes = new Set(lookAlikeCodes.split(/\s+/).map((code) => String.fromCodePoint(Number.parseInt(code, 16))));
const lisu = /\p{Script=Lisu}/u;
// Other forms of plain letters (full width, mathematical, circled, ligatures): languages that normalise names, as Python
// does, run them as the plain ones.
const otherForm =
  /[\u017f\u2102-\u2139\u2160-\u217f\u24b6-\u24e9\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a\u{1d400}-\u{1d7ff}]/u;
const strange = new RegExp(`[${[...lookAlikes].join("")}\\p{Script=Lisu}]|${otherForm.source}`, "u");
const ideographs = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}`;
const word = new RegExp(`(?:(?![${ideographs}])[\\p{L}\\p{M}\\p{N}_$])+`, "gu");
const hasIdeographs = new RegExp(`[${ideographs}]`, "u");
const foreign = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Lisu}]/gu;

function isOtherForm(character: string): boolean {
  return otherForm.test(character) && /^[A-Za-z]/.test(character.normalize("NFKC"));
}

function looksLatin(character: string): boolean {
  return lookAlikes.has(character) || lisu.test(character);
}

/** Tells whether a content has letters of other scripts that do not look Latin: then it has words of its own. */
export function hasForeignWords(text: string): boolean {
  for (const [character] of text.matchAll(foreign)) if (!looksLatin(character)) return true;
  return false;
}

/** Whether a word with a strange letter deceives; a formula's `Δx` and a Russian word do not. */
function deceives(characters: readonly string[], line: string, isForeign: () => boolean): boolean {
  if (characters.some((each) => /[A-Za-z]/.test(each))) return true;
  if (characters.every((each) => isOtherForm(each) || /[\p{N}_$]/u.test(each))) return !hasIdeographs.test(line);
  const isWhole = characters.length > 1 && characters.every((each) => looksLatin(each) || /[\p{N}_$]/u.test(each));
  return isWhole && !isForeign();
}

/**
 * The strange letters of words that read as one thing and are another: Latin letters mixed with look-alikes, or
 * look-alikes alone in a content that has no foreign words (`isForeign`) otherwise.
 */
export function* lookAlikesIn(line: string, isForeign: () => boolean): Generator<string> {
  if (!strange.test(line)) return;
  for (const [found] of line.matchAll(word)) {
    if (!strange.test(found)) continue;
    const characters = [...found];
    const letter = characters.find((each) => looksLatin(each) || isOtherForm(each));
    if (letter !== undefined && deceives(characters, line, isForeign)) yield letter;
  }
}

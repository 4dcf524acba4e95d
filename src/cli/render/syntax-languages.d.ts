/** A text as HTML whose spans have classes by what they are; null: the language is not known. */
export declare function highlightAsHtml(text: string, language: string): string | null;

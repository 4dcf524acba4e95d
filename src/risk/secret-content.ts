interface Signature {
  readonly reason: string;
  /** Text without which the pattern cannot match: looked for first, many times faster where its first letter is rare. */
  readonly anchors: readonly string[];
  readonly pattern: RegExp;
}

// Shapes with a fixed beginning and a fixed alphabet: words, hashes and placeholders do not look like them.
const signatures: readonly Signature[] = [
  {
    reason: "holds a private key",
    anchors: ["E KEY"],
    pattern:
      /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|["'+,\s\\]){0,40}(?=[A-Za-z0-9+/=]{16}|[A-Z][A-Za-z-]{3,20}: )[\w+/=\\\s"',:-]{16,600}/g,
  },
  { reason: "holds a private key", anchors: ["TTY-U"], pattern: /PuTTY-User-Key-File-\d: [^\n]{1,40}/g },
  { reason: "holds a private key", anchors: ["-KEY-1"], pattern: /AGE-SECRET-KEY-1[0-9A-Z]{20,60}/g },
  {
    reason: "holds an AWS access key",
    anchors: ["AKIA", "ASIA"],
    pattern: /(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9+/=])/g,
  },
  {
    reason: "holds an AWS secret key",
    anchors: ["aws", "AWS"],
    pattern: /aws_?secret_?(?:access_?)?key["']?\s{0,4}[:=]\s{0,4}["']?[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])/gi,
  },
  { reason: "holds a GitHub token", anchors: ["gh"], pattern: /(?<!\w)gh[pousr]_[A-Za-z0-9]{36}/g },
  { reason: "holds a GitHub token", anchors: ["_pat_"], pattern: /(?<!\w)github_pat_[A-Za-z0-9_]{40}/g },
  { reason: "holds a GitLab token", anchors: ["gl"], pattern: /(?<!\w)gl(?:pat|dt|rt|ptt|cbt|soat)-[\w-]{20}/g },
  {
    reason: "holds a Slack token",
    anchors: ["xox", "xapp-"],
    pattern: /(?<!\w)(?:xox[abeoprs]-[0-9][\w-]{9,80}|xapp-\d-[\w-]{20,100})/g,
  },
  {
    reason: "holds a Slack address that anybody can post to",
    anchors: ["ks.sl"],
    pattern: /hooks\.slack\.com\/(?:services|workflows)\/T\w{8,12}\/\w{8,24}\/\w{16,48}/g,
  },
  {
    reason: "holds an API key",
    anchors: ["sk-"],
    pattern: /(?<![\w-])sk-(?:ant|proj|live|svcacct|or-v1|admin)-[\w-]{20}/g,
  },
  { reason: "holds an API key", anchors: ["BlbkFJ"], pattern: /(?<![\w-])sk-[\w-]{16,100}T3BlbkFJ[\w-]{16,100}/g },
  { reason: "holds an API key", anchors: ["_live_"], pattern: /(?<!\w)(?:sk|rk|pk_secret)_live_[A-Za-z0-9]{20}/g },
  { reason: "holds an API key", anchors: ["hf_"], pattern: /(?<!\w)hf_[A-Za-z]{34}(?!\w)/g },
  { reason: "holds an API key", anchors: ["SG."], pattern: /(?<!\w)SG\.[\w-]{22}\.[\w-]{43}(?!\w)/g },
  { reason: "holds a Google API key", anchors: ["AIza"], pattern: /(?<!\w)AIza[\w-]{35}(?![\w-])/g },
  {
    reason: "holds a Google token",
    anchors: ["ya29.", "PX-"],
    pattern: /(?<!\w)(?:ya29\.[\w-]{40}|GOCSPX-[\w-]{28})/g,
  },
  {
    reason: "holds a cloud service key",
    anchors: ['_key"'],
    pattern: /"private_key"\s{0,4}:\s{0,4}"[^"\n]{1,60}/g,
  },
  { reason: "holds an npm token", anchors: ["pm_"], pattern: /(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)/g },
  {
    reason: "holds an npm token",
    anchors: [":_auth", ":_pass"],
    pattern:
      /\/\/[^\s/]{1,200}\/(?:[^\s]{0,200}\/)?:_(?:authToken|auth|password)\s{0,4}=\s{0,4}["']?[^$\s"'<{][^\s]{7,200}/g,
  },
  { reason: "holds a PyPI token", anchors: ["-AgE"], pattern: /pypi-AgE[\w-]{50}/g },
  { reason: "holds a Docker token", anchors: ["dckr_"], pattern: /(?<!\w)dckr_(?:pat|oat)_[\w-]{20}/g },
  { reason: "holds a Vault token", anchors: ["vs.", "vb."], pattern: /(?<!\w)hv[sb]\.[\w-]{24}/g },
  { reason: "holds a DigitalOcean token", anchors: ["_v1_"], pattern: /(?<!\w)do[opr]_v1_[a-f0-9]{64}/g },
  { reason: "holds an Azure storage key", anchors: ["Key="], pattern: /AccountKey=[A-Za-z0-9+/]{86}==/g },
  { reason: "holds a Telegram token", anchors: [":AA"], pattern: /(?<!\w)\d{8,10}:AA[\w-]{33}(?![\w-])/g },
  {
    reason: "holds a password in an address",
    anchors: ["://"],
    pattern:
      /:\/\/[\w.-]{1,64}:(?<=(?<![\w+.-])(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?|mssql|ftp|smtps?):\/\/[\w.-]{1,64}:)(?!pass|secret|changeme|example|user|root|admin|test|postgres|x+@|\*+@|\.+@)[^\s:@/"'`<>{}$%()]{6,100}@(?!localhost|127\.|host|example|db[:/]|\[)[\w.-]{3,}/gi,
  },
];

function* found(text: string): Generator<{ readonly reason: string; readonly value: string; readonly at: number }> {
  for (const { reason, anchors, pattern } of signatures) {
    if (!anchors.some((anchor) => text.includes(anchor))) continue;
    for (const match of text.matchAll(pattern)) yield { reason, value: match[0], at: match.index };
  }
}

/**
 * Secrets in a content (bytes as Latin-1) that were not in the old one: each kind once, with the line of the first; never
 * the secret itself.
 */
export function secretReasons(before: () => string, text: string): string[] {
  const now = [...found(text)];
  if (now.length === 0) return [];
  const known = new Set([...found(before())].map(({ value }) => value));
  const places = new Map<string, number>();
  for (const { reason, value, at } of now) {
    if (!known.has(value)) places.set(reason, Math.min(at, places.get(reason) ?? at));
  }
  return [...places].map(([reason, at]) => `${reason} (line ${lineAt(text, at)})`);
}

// A pattern ends where it is sure; the secret may go on, and none of it may stay.
const rest = /[\w+/=.~-]*/y;

/** A text with what looks like a secret taken out of it; longer than the shapes ask for, but never a part of one. */
export function hideSecretShapes(text: string, mark: string): string {
  const spans = [...found(text)].map(({ value, at }) => {
    rest.lastIndex = at + value.length;
    return { from: at, to: at + value.length + (rest.exec(text)?.[0].length ?? 0) };
  });
  let hidden = "";
  let end = 0;
  for (const { from, to } of spans.toSorted((one, other) => one.from - other.from)) {
    if (from >= end) hidden += text.slice(end, from) + mark;
    end = Math.max(end, to);
  }
  return hidden + text.slice(end);
}

function lineAt(text: string, at: number): number {
  let line = 1;
  for (let feed = text.indexOf("\n"); feed !== -1 && feed < at; feed = text.indexOf("\n", feed + 1)) line += 1;
  return line;
}

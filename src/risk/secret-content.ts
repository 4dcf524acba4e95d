const signatures: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/, "holds a private key"],
  [/PuTTY-User-Key-File-\d/, "holds a private key"],
  [/AGE-SECRET-KEY-1/, "holds a private key"],
  [/(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])/, "holds an AWS access key"],
  [/aws_secret_access_key\s*=\s*\S{20}/i, "holds an AWS access key"],
  [/(?<!\w)gh[pousr]_[A-Za-z0-9]{36}/, "holds a GitHub token"],
  [/(?<!\w)github_pat_[A-Za-z0-9_]{40}/, "holds a GitHub token"],
  [/(?<!\w)glpat-[\w-]{20}/, "holds a GitLab token"],
  [/(?<!\w)xox[abposr]-[\w-]{10}/, "holds a Slack token"],
  [/(?<!\w)sk-(?:ant|proj|live)-[\w-]{20}/, "holds an API key"],
  [/(?<!\w)(?:sk|rk)_live_[A-Za-z0-9]{20}/, "holds an API key"],
  [/(?<!\w)AIza[\w-]{35}/, "holds a Google API key"],
  [/"private_key"\s*:\s*"/, "holds a cloud service key"],
  [/\/\/[^\s/]+\/:_authToken\s*=\s*[^$\s]/, "holds an npm token"],
];

/** Secrets that show in the first bytes of a file, each kind named once. */
export function secretReasons(head: Uint8Array): string[] {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  return [...new Set(signatures.filter(([signature]) => signature.test(text)).map(([, reason]) => reason))];
}

import { describe, expect, it } from "vitest";
import { riskBetween } from "./seen.js";

const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
// Put together here, so that this file holds none.
const key = (kind: string, rest = body) => `-----BEGIN ${kind}-----\n${rest}`;
const join = (...parts: readonly string[]) => parts.join("");

const secrets: readonly (readonly [string, RegExp])[] = [
  [key("PRIVATE KEY"), /private key/],
  [key("RSA PRIVATE KEY"), /private key/],
  [key("EC PRIVATE KEY"), /private key/],
  [
    key("OPENSSH PRIVATE KEY", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"),
    /private key/,
  ],
  [key("ENCRYPTED PRIVATE KEY"), /private key/],
  [key("RSA PRIVATE KEY", `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n${body}`), /private key/],
  [key("PGP PRIVATE KEY BLOCK", `\n${body}`), /private key/],
  [`{"key": ${JSON.stringify(key("PRIVATE KEY"))}}`, /private key/],
  ["PuTTY-User-Key-File-3: ssh-ed25519", /private key/],
  [`AGE-SECRET-KEY-1${"Q".repeat(58)}`, /private key/],
  [join("key = AKIA", "IOSFODNN7EXAMPLE"), /AWS access/],
  [join("aws_secret_access_key = wJalrXUtnFEMI", "/K7MDENG/bPxRfiCYEXAMPLEKEY"), /AWS secret/],
  [join('"awsSecretAccessKey": "wJalrXUtnFEMI', '/K7MDENG/bPxRfiCYEXAMPLEKEY"'), /AWS secret/],
  [`ghp_${"a".repeat(36)}`, /GitHub/],
  [`token: github_pat_${"b".repeat(50)}`, /GitHub/],
  [`glpat-${"c".repeat(20)}`, /GitLab/],
  [join("xoxb-", "1234567890-abc"), /Slack/],
  [join("https://hooks.slack.com/services/", "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"), /Slack/],
  [`sk-ant-${"d".repeat(30)}`, /API key/],
  [`sk_live_${"e".repeat(24)}`, /API key/],
  [`sk-${"a".repeat(20)}T3BlbkFJ${"b".repeat(20)}`, /API key/],
  [`hf_${"h".repeat(34)}`, /API key/],
  [`SG.${"a".repeat(22)}.${"b".repeat(43)}`, /API key/],
  [`AIza${"f".repeat(35)}`, /Google/],
  [`GOCSPX-${"f".repeat(28)}`, /Google/],
  ['{"type":"service_account","private_key": "-"}', /cloud service/],
  ["//registry.example.org/:_authToken=0123456789", /npm token/],
  [`npm_${"n".repeat(36)}`, /npm token/],
  [`pypi-AgE${"p".repeat(60)}`, /PyPI/],
  [`dckr_pat_${"d".repeat(27)}`, /Docker/],
  [`hvs.${"v".repeat(24)}`, /Vault/],
  [`dop_v1_${"0".repeat(64)}`, /DigitalOcean/],
  [`AccountKey=${"A".repeat(86)}==`, /Azure/],
  [`123456789:AA${"t".repeat(33)}`, /Telegram/],
  ["postgres://app:h4rdT0Guess@db1.example.org/app", /password in an address/],
];

describe("secrets", () => {
  it.each(secrets)("are found in new files: %j", (text, reason) => {
    const found = riskBetween("notes.txt", null, `first\n${text}\n`);
    expect(found.level).toBe("high");
    expect(found.reasons.join("\n")).toMatch(reason);
    expect(found.reasons.join("\n")).toMatch(/\(line 2\)/);
  });

  it.each(secrets)("that were there before are no news: %j", (text) => {
    expect(riskBetween("notes.txt", `a\n${text}\n`, `b\nc\n${text}\n`)).toEqual({ level: "none", reasons: [] });
  });

  it.each(secrets)("are never quoted: %j", (text, reason) => {
    const found = riskBetween("notes.txt", "", text).reasons.find((each) => reason.test(each)) ?? "";
    expect(found.length).toBeLessThan(70);
    expect(found).not.toMatch(/[A-Za-z0-9/+=]{16}/);
  });

  it.each([
    "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    "-----BEGIN PUBLIC KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    "if (text.includes('-----BEGIN PRIVATE KEY-----')) return true;",
    "ssh-ed25519 AAAA user@host",
    "akiaiosfodnn7example",
    "XAKIAIOSFODNN7EXAMPLEX",
    "ghp_short",
    "task-ant-hill",
    "//registry.example.org/:_authToken=\u0024{NPM_TOKEN}",
    "//registry.example.org/:_authToken=<your token>",
    "private_key",
    "AWS_SECRET_ACCESS_KEY=",
    "AWS_SECRET_ACCESS_KEY=\u0024{{ secrets.KEY }}",
    "xoxb-your-token",
    "npm_config_registry",
    "hf_hub_download(repo)",
    "postgres://postgres:postgres@localhost:5432/test",
    "postgres://user:password@db.example.org/x",
    "postgres://user:$PASSWORD@db.internal/x",
    "sha512-0123456789abcdefABCDEF0123456789abcdefABCDEF0123456789abcdefABCDEF==",
    "",
  ])("are not these: %j", (text) => {
    expect(riskBetween("notes.txt", "old", text)).toEqual({ level: "none", reasons: [] });
  });

  it("are found when one takes the place of another", () => {
    const found = riskBetween("notes.txt", `ghp_${"a".repeat(36)}`, `ghp_${"b".repeat(36)}`);
    expect(found.reasons).toEqual(["holds a GitHub token (line 1)"]);
    const openssh = (rest: string) =>
      key("OPENSSH PRIVATE KEY", `${"b3BlbnNzaC1rZXktdjEAAAAABG5vbmU".padEnd(70, "A")}\n${rest}\n`);
    expect(riskBetween("id", openssh("one".repeat(20)), openssh("two".repeat(20))).level).toBe("high");
  });

  it("are named once a kind, with the first line", () => {
    const text = `\n\n${key("PRIVATE KEY")}\n\nPuTTY-User-Key-File-2: x\n`;
    expect(riskBetween("notes.txt", null, text).reasons).toEqual(["holds a private key (line 3)"]);
  });

  it("are found between bytes that are no text", () => {
    const text = `\u0000\u0001 bytes ${key("PRIVATE KEY")}`;
    expect(riskBetween("notes.bin", null, text, { binary: true }).level).toBe("high");
  });

  it("are searched for in a time that follows the content, whatever it holds", () => {
    const made = [
      "-----BEGIN PRIVATE KEY-----".repeat(40_000),
      "-----BEGIN PRIVATE KEY-----\\n\\n\\n\\n\\n ".repeat(20_000),
      "aws_secret_access_key=".repeat(50_000),
      `//${"a/".repeat(500_000)}:_authToken`,
      "postgres://a:".repeat(80_000),
      `postgres://a:${"b".repeat(1_000_000)}`,
      "xox".repeat(350_000),
      "://".repeat(350_000),
      "123456789:AA".repeat(90_000),
      `${"sk-".repeat(350_000)}T3BlbkFJ`,
      "hooks.slack.com/services/T".repeat(40_000),
    ];
    for (const text of made) {
      const started = performance.now();
      riskBetween("notes.txt", "", text);
      expect(performance.now() - started).toBeLessThan(5000);
    }
  });
});

/**
 * What git's configuration can make run on the machine that reads it, or redirect. Data: a sentence without a subject, and
 * keys in lower case, where `*` stands for any subsection. The first that fits is told.
 */
const effects: readonly (readonly [string, string])[] = [
  ["runs a program whenever git looks at the work tree", "core.fsmonitor"],
  ["runs its hooks from another folder", "core.hookspath"],
  [
    "runs a program",
    `core.sshcommand core.editor core.pager core.askpass core.gitproxy core.alternaterefscommand sequence.editor pager.* gpg.program
    gpg.*.program gpg.ssh.defaultkeycommand interactive.difffilter uploadpack.packobjectshook web.browser browser.*.cmd browser.*.path man.*.cmd
    man.*.path trailer.*.command trailer.*.cmd sendemail.smtpserver sendemail.tocmd sendemail.cccmd sendemail.headercmd
    sendemail.*.smtpserver sendemail.*.tocmd sendemail.*.cccmd imap.tunnel gc.recentobjectshook instaweb.httpd instaweb.browser
    lfs.customtransfer.*.path lfs.standalonetransferagent hook.*.command receive.procreceiverefs tar.*.command ssh.variant
    guitool.*.cmd rebase.exec core.preloadexec svn.authorsprog svn-remote.*.authorsprog cvsserver.*.dbdriver`,
  ],
  ["runs a program on file contents", "filter.*.clean filter.*.smudge filter.*.process filter.*.required"],
  [
    "runs a program to show or merge changes",
    `diff.external diff.*.command diff.*.textconv diff.*.xfuncname merge.*.driver mergetool.*.cmd mergetool.*.path difftool.*.cmd
    difftool.*.path merge.tool diff.tool diff.guitool merge.guitool`,
  ],
  ["runs as a command of git's", "alias.*"],
  ["asks a program for logins, or gives logins to it", "credential.helper credential.*.helper credential.usehttppath"],
  ["reads more configuration from elsewhere", "include.path includeif.*.path"],
  ["reads attributes or ignored names from elsewhere", "core.attributesfile core.excludesfile"],
  ["takes templates, hooks among them, from elsewhere", "init.templatedir commit.template"],
  ["works on another folder", "core.worktree core.bare extensions.worktreeconfig"],
  [
    "fetches from or pushes to another place",
    `remote.*.url remote.*.pushurl remote.*.fetch remote.*.push remote.*.vcs remote.*.uploadpack remote.*.receivepack remote.*.proxy
    remote.*.promisor remote.pushdefault url.*.insteadof url.*.pushinsteadof branch.*.remote branch.*.pushremote branch.*.merge
    extensions.partialclone remote.*.partialclonefilter push.default`,
  ],
  [
    "fetches a submodule from another place, or runs a command for it",
    "submodule.*.url submodule.*.update submodule.*.branch submodule.recurse",
  ],
  [
    "changes how connections are made or checked",
    `protocol.allow protocol.*.allow http.proxy http.*.proxy http.sslverify http.*.sslverify http.sslcainfo http.*.sslcainfo
    http.sslcapath http.*.sslcapath http.extraheader http.*.extraheader http.cookiefile http.*.cookiefile http.savecookies http.sslcert
    http.sslkey http.curloptresolve http.*.curloptresolve http.sslbackend http.*.sslcert http.*.sslkey`,
  ],
  [
    "weakens what git checks",
    `core.protecthfs core.protectntfs core.symlinks core.ignorecase core.precomposeunicode transfer.fsckobjects fetch.fsckobjects receive.fsckobjects
    fsck.* fetch.fsck.* receive.fsck.* safe.directory safe.barerepository core.filemode core.trustctime core.checkstat core.untrackedcache`,
  ],
  [
    "signs commits, or says whose signatures count",
    "commit.gpgsign tag.gpgsign user.signingkey gpg.format gpg.ssh.allowedsignersfile gpg.ssh.revocationfile gpg.mintrustlevel",
  ],
];

const byKey = new Map(effects.flatMap(([effect, keys]) => keys.split(/\s+/).map((key) => [key, effect] as const)));

function withoutMiddle(key: string): string | null {
  const first = key.indexOf(".");
  const last = key.lastIndexOf(".");
  return last > first ? `${key.slice(0, first)}.*${key.slice(last)}` : null;
}

/** What git does because of a key (as `parseGitConfig` names it); null: nothing that runs or redirects. */
export function effectOfKey(key: string): string | null {
  const lower = key.toLowerCase();
  const first = lower.slice(0, lower.indexOf("."));
  return byKey.get(lower) ?? byKey.get(withoutMiddle(lower) ?? "") ?? byKey.get(`${first}.*`) ?? null;
}

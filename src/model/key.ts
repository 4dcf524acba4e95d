/** A secret of the host that the gate puts into requests for one host. The sandbox has a placeholder in its place. */
export interface GateKey {
  /** `api.example.com`, or with another port than 443: `api.example.com:8443`. */
  readonly host: string;
  /** The header that carries it, in lower case. */
  readonly header: string;
  /** The header's value, with `{}` where the secret goes: `Bearer {}`. */
  readonly format: string;
  /** Where the process that holds the wire finds the secret: a variable of its environment. */
  readonly from: { readonly env: string };
  /** What the sandbox sends in the secret's place: no secret, other for each session. */
  readonly placeholder: string;
  /** A variable inside that holds the placeholder; null: none. */
  readonly variable: string | null;
}

import { type DangerKind, dangers } from "./catalogue.js";
import { matchesAction, namesActions, patternsOverlap } from "./patterns.js";

/** Patterns that are denied together, with why. */
export interface DenialGroup {
  readonly kind: DangerKind;
  readonly why: string;
  readonly patterns: readonly string[];
}

const list = (text: string): readonly string[] => text.trim().split(/\s+/);

/**
 * The catalogue in few letters, because a session policy has 2,048 characters. Each pattern covers what the catalogue has there, and no
 * plain read; a test holds both against the table.
 */
const short: readonly DenialGroup[] = [
  {
    kind: "credentials",
    why: "no credentials but these may come out of the session",
    patterns:
      list(`sts:A* sts:GetD* sts:GetF* sts:GetSc* sts:GetSe* sts:GetW* sso:GetR* rolesanywhere:CreateS* cognito-identity:GetC* cognito-identity:GetO*
      eks-auth:* s3express:CreateS* s3:CreateSession s3:GetDataAccess ssm:GetAccessT* ecr:GetAu* ecr-public:GetAu* codeartifact:GetAu*
      redshift:GetClusterC* redshift-serverless:GetCr* rds-db:* lakeformation:GetTem* lakeformation:GetDataAccess lightsail:GetInstanceA*
      lightsail:Do* lightsail:Get*Password ec2-instance-connect:* deadline:Assume*`),
  },
  {
    kind: "privilege",
    why: "nobody's rights may be changed",
    patterns:
      list(`iam:A* iam:C* iam:D* iam:E* iam:P* iam:R* iam:Se* iam:T* iam:U* organizations:A* organizations:C* organizations:E*
      organizations:I* organizations:Le* organizations:M* organizations:P* organizations:R* account:A* account:C* account:D* account:E* account:P* account:S*
      sso:A* sso:C* sso:P* sso:U* identitystore:C* identitystore:U* s3:PutBucketP* s3:PutBucketAcl s3:PutObjectAcl
      s3:PutAcc*Public* s3:Bypass* kms:CreateG* kms:PutK* lambda:AddP* ec2:AssociateIam* ec2:ReplaceIam* ram:A* ram:C*`),
  },
  {
    kind: "destruction",
    why: "what cannot be taken back may not be done",
    patterns:
      list(`ec2:T* ec2:DeleteVolume ec2:DeleteSnapshot ec2:Dereg* rds:Del* dynamodb:DeleteT* dynamodb:DeleteBackup s3:DeleteBucket
      s3:DeleteObjectV* kms:Sch* kms:Del* kms:DisableKey secretsmanager:DeleteS* cloudformation:DeleteS* elasticfilesystem:DeleteF*
      sqs:Pu* sqs:DeleteQ* logs:DeleteL* ecr:DeleteRepository ecr:BatchDel* eks:DeleteCluster backup:Del* redshift:Del* elasticache:Del*
      fsx:Del* route53:DeleteH* cloudtrail:Del* cloudtrail:Sto* config:Sto* config:Dele* guardduty:Del*`),
  },
];

/** For a server that only resembles AWS: it refuses a policy with an action that it does not have. */
const ofCounterpart: readonly DenialGroup[] = [
  { kind: "credentials", why: "no credentials but these may come out of the session", patterns: ["sts:AssumeRole*"] },
  {
    kind: "privilege",
    why: "nobody's rights may be changed",
    patterns:
      list(`iam:Create* iam:Put* iam:Delete* s3:PutBucketPolicy s3:PutBucketAcl s3:PutObjectAcl s3:PutBucketPublicAccessBlock
      s3:BypassGovernanceRetention`),
  },
  {
    kind: "destruction",
    why: "what cannot be taken back may not be done",
    patterns: list("s3:DeleteBucket s3:DeleteObjectVersion s3:PutLifecycleConfiguration"),
  },
];

const full = (kind: DangerKind): readonly string[] =>
  dangers.filter((danger) => danger.kind === kind).flatMap(({ patterns }) => patterns);

/**
 * What a session policy denies. Where a rule names something of it, the short pattern makes way for those of the catalogue that the
 * rule does not touch.
 */
export function denialGroups(rules: readonly { readonly pattern: string }[], counterpart: boolean): DenialGroup[] {
  const named = rules.map(({ pattern }) => pattern).filter(namesActions);
  const isNamed = (pattern: string): boolean => named.some((each) => patternsOverlap(each, pattern));
  return (counterpart ? ofCounterpart : short).map((group) => {
    const patterns = group.patterns.flatMap((pattern) => {
      if (!isNamed(pattern)) return [pattern];
      return counterpart ? [] : full(group.kind).filter((each) => matchesAction(pattern, each) && !isNamed(each));
    });
    return { ...group, patterns: [...new Set(patterns)] };
  });
}

/** Whether a server that only resembles AWS has such actions. */
export const isOfCounterpart = (pattern: string): boolean => /^(?:\*$|(?:s3|iam|sts):)/.test(pattern);

import { matchesAction } from "./patterns.js";

/** Why something is denied that nobody named: it hands out credentials, it raises what somebody may do, or it cannot be taken back. */
export type DangerKind = "credentials" | "privilege" | "destruction";

/** One reason, and the actions that it holds for. */
export interface Danger {
  readonly kind: DangerKind;
  /** Goes on after the action's name: "… issues credentials that no policy of the session bounds". */
  readonly reason: string;
  readonly patterns: readonly string[];
  readonly except?: readonly string[];
}

const list = (text: string): readonly string[] => text.trim().split(/\s+/);

const credentials: readonly Danger[] = [
  {
    kind: "credentials",
    reason: "issues credentials that outlive or leave the sandbox",
    patterns:
      list(`sts:AssumeRo* sts:GetFederationToken sts:GetSessionToken sts:GetScopedCredentials sts:GetDelegatedAccessToken sts:GetWebIdentityToken
      sts:GetServiceBearerToken sso:GetRoleCredentials sso-oauth:CreateToken* signin:CreateOAuth2Token* rolesanywhere:CreateSession
      cognito-identity:GetCredentialsForIdentity cognito-identity:GetOpenIdToken* iot:AssumeRoleWithCertificate
      eks-auth:AssumeRoleForPodIdentity deadline:AssumeFleetRole* deadline:AssumeQueueRole*
      elasticmapreduce:GetClusterSessionCredentials emr-containers:GetManagedEndpointSessionCredentials
      lakeformation:AssumeDecoratedRoleWithSAML lakeformation:GetDataAccess lakeformation:GetTemporary*
      s3express:CreateSession s3:CreateSession s3:GetDataAccess ssm:GetAccessToken gamelift:RequestUploadCredentials
      bedrock-agentcore:GetWorkloadAccessToken* bedrock-agentcore:GetResource*Token`),
  },
  {
    kind: "credentials",
    reason: "makes a lasting key or password",
    patterns:
      list(`iam:CreateAccessKey iam:UpdateAccessKey iam:CreateLoginProfile iam:UpdateLoginProfile iam:ChangePassword
      iam:CreateServiceSpecificCredential iam:ResetServiceSpecificCredential iam:UploadSSHPublicKey iam:UploadSigningCertificate
      appsync:CreateApiKey grafana:CreateWorkspaceApiKey grafana:CreateWorkspaceServiceAccountToken
      mediapackage:Rotate*Credentials codecatalyst:CreateAccessToken iot:CreateKeysAndCertificate iot:CreateProvisioningClaim`),
  },
  {
    kind: "credentials",
    reason: "hands out a way into a registry, a database or a machine",
    patterns: list(`ecr:GetAuthorizationToken ecr-public:GetAuthorizationToken codeartifact:GetAuthorizationToken
      redshift:GetClusterCredentials* redshift-serverless:GetCredentials rds-db:connect lightsail:GetInstanceAccessDetails
      lightsail:DownloadDefaultKeyPair lightsail:GetRelationalDatabaseMasterUserPassword gamelift:GetComputeAccess gamelift:GetComputeAuthToken gamelift:GetInstanceAccess
      ec2-instance-connect:* sagemaker:CreatePresigned* sagemaker:CreateHubContentPresignedUrls airflow:Create*Token
      kinesisanalytics:CreateApplicationPresignedUrl connect:GetFederationToken* quicksight:GetSessionEmbedUrl
      quicksight:GenerateEmbedUrl* elasticmapreduce:GetPersistentAppUIPresignedURL
      elasticmapreduce:GetOnClusterAppUIPresignedURL`),
  },
];

const privilege: readonly Danger[] = [
  {
    kind: "privilege",
    reason: "hands a role to a service, which then does whatever the role may",
    patterns: list("iam:PassRole ec2:AssociateIamInstanceProfile ec2:ReplaceIamInstanceProfileAssociation"),
  },
  {
    kind: "privilege",
    reason: "changes who may do what",
    patterns:
      list(`iam:Accept* iam:Add* iam:Attach* iam:Create* iam:Deactivate* iam:Delete* iam:Detach* iam:Disable* iam:Enable*
      iam:Put* iam:Remove* iam:Resync* iam:Set* iam:Tag* iam:Untag* iam:Update* iam:Upload* sso:Attach* sso:Create* sso:Delete*
      sso:Detach* sso:Provision* sso:Put* sso:Update* identitystore:Create* identitystore:Delete* identitystore:Update*
      s3:PutObjectAcl s3:PutBucketAcl s3:BypassGovernanceRetention s3:PutBucketPolicy s3:PutBucketPublicAccessBlock
      s3:PutAccountPublicAccessBlock kms:CreateGrant kms:PutKeyPolicy lambda:AddPermission ram:Accept* ram:Associate* ram:Create* ram:Delete* ram:Disassociate* ram:Enable* ram:Promote* ram:Replace* ram:Set* ram:Update*`),
  },
  {
    kind: "privilege",
    reason: "changes the organisation or the account itself",
    patterns:
      list(`organizations:Accept* organizations:Attach* organizations:Cancel* organizations:Close* organizations:Create*
      organizations:Delete* organizations:Deregister* organizations:Detach* organizations:Disable* organizations:Enable*
      organizations:Invite* organizations:Leave* organizations:Move* organizations:Put* organizations:Register*
      organizations:Remove* organizations:Update* account:Close* account:Delete* account:Disable* account:Put* account:Enable*
      account:Start*`),
  },
];

const destruction: readonly Danger[] = [
  {
    kind: "destruction",
    reason: "ends something for good",
    patterns: list("*:Terminate* *:Purge* *:Deregister* *:Schedule*Deletion *:Destroy*"),
    except: list("elasticloadbalancing:Deregister* servicediscovery:DeregisterInstance ecs:DeregisterTaskDefinition"),
  },
  {
    kind: "destruction",
    reason: "deletes a data store with what is in it",
    patterns:
      list(`rds:Delete* dynamodb:DeleteTable dynamodb:DeleteGlobalTable* s3:DeleteBucket s3tables:Delete* s3vectors:Delete* redshift:Delete*
      redshift-serverless:Delete* elasticache:Delete* memorydb:Delete* dax:DeleteCluster es:Delete*Domain aoss:DeleteCollection
      elasticfilesystem:DeleteFileSystem fsx:Delete* glacier:Delete* storagegateway:Delete* docdb-elastic:Delete* neptune-graph:Delete*
      neptune-db:Delete* qldb:DeleteLedger timestream:Delete* timestream-influxdb:Delete* cassandra:Drop* kinesis:DeleteStream kafka:DeleteCluster
      mq:DeleteBroker sqs:DeleteQueue logs:DeleteLog* ecr:DeleteRepository ecr:BatchDeleteImage ecr-public:DeleteRepository
      ecr-public:BatchDeleteImage codecommit:DeleteRepository codeartifact:Delete* cognito-idp:DeleteUserPool
      cognito-idp:AdminDeleteUser cognito-identity:DeleteIdentit* ec2:DeleteVolume lightsail:Delete* simpledb:DeleteDomain sdb:DeleteDomain
      glue:DeleteDatabase workspaces:Delete* dsql:Delete* healthlake:Delete* finspace:Delete* mediastore:DeleteContainer`),
  },
  {
    kind: "destruction",
    reason: "deletes what things would be restored from",
    patterns:
      list(`*:Delete*Snapshot* *:Delete*Backup* *:Delete*RecoveryPoint* ec2:DeleteImage* backup:Delete* s3:DeleteObjectVersion
      s3:PutLifecycleConfiguration s3:PutBucketVersioning dlm:Delete*`),
  },
  {
    kind: "destruction",
    reason: "deletes keys or secrets, and with them what they protect",
    patterns:
      list(`kms:Delete* kms:DisableKey cloudhsm:Delete* secretsmanager:DeleteSecret ssm:DeleteParameter* ec2:DeleteKeyPair
      acm-pca:DeleteCertificateAuthority acm:DeleteCertificate payment-cryptography:DeleteKey`),
  },
  {
    kind: "destruction",
    reason: "takes whole environments down",
    patterns:
      list(`cloudformation:DeleteStack* cloudformation:DeleteResource eks:DeleteCluster autoscaling:DeleteAutoScalingGroup
      elasticbeanstalk:DeleteApplication* amplify:DeleteApp route53:DeleteHostedZone route53domains:Delete* route53domains:Transfer*
      ec2:ReleaseAddress ec2:ReleaseHosts opsworks:Delete* servicecatalog:Delete*`),
  },
  {
    kind: "destruction",
    reason: "stops the record of what happens in the account",
    patterns:
      list(`cloudtrail:Delete* cloudtrail:Stop* cloudtrail:PutEventSelectors config:Delete* config:Stop* guardduty:Delete*
      guardduty:Disassociate* guardduty:Stop* securityhub:Disable* access-analyzer:Delete* ec2:DeleteFlowLogs`),
  },
];

/** Everything that is denied unless the configuration names it, with the reason. */
export const dangers: readonly Danger[] = [...credentials, ...privilege, ...destruction];

const cache = new Map<string, Danger | null>();
const cachedAtMost = 5_000;

function find(action: string): Danger | null {
  const matches = (pattern: string): boolean => matchesAction(pattern, action);
  return dangers.find(({ patterns, except = [] }) => patterns.some(matches) && !except.some(matches)) ?? null;
}

/** What is dangerous about an action; null when it is not in the catalogue. */
export function dangerOf(action: string): Danger | null {
  const known = cache.get(action);
  if (known !== undefined) return known;
  const found = find(action);
  // Names come out of requests: no agent makes this grow without end.
  if (cache.size < cachedAtMost) cache.set(action, found);
  return found;
}

/**
 * What is used of AWS's SDK. The build makes a file of its own of this module, which only a session with AWS loads: it is large, and its
 * parts share classes that they tell apart by identity.
 */
export {
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  IAMClient,
  ListAccountAliasesCommand,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
export {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetFederationTokenCommand,
  GetScopedCredentialsCommand,
  STSClient,
} from "@aws-sdk/client-sts";
export { fromNodeProviderChain } from "@aws-sdk/credential-providers";

import { escapeText } from "../base/escape.js";
import type { AwsLedgerCall } from "../model/aws.js";

/** One thing that a session made and that is still there, with the command that would delete it; null: none is known. */
export interface CleanupStep {
  readonly call: number;
  readonly what: string;
  readonly command: string | null;
}

/** `service:Operation` to the command that takes it back, and the option that names the thing. */
const reverse: Readonly<Record<string, string>> = {
  "apigateway:CreateRestApi": "apigateway delete-rest-api --rest-api-id",
  "apigatewayv2:CreateApi": "apigatewayv2 delete-api --api-id",
  "autoscaling:CreateAutoScalingGroup": "autoscaling delete-auto-scaling-group --auto-scaling-group-name",
  "cloudformation:CreateStack": "cloudformation delete-stack --stack-name",
  "cloudwatch:PutMetricAlarm": "cloudwatch delete-alarms --alarm-names",
  "dynamodb:CreateBackup": "dynamodb delete-backup --backup-arn",
  "dynamodb:CreateTable": "dynamodb delete-table --table-name",
  "ec2:AllocateAddress": "ec2 release-address --allocation-id",
  "ec2:CopyImage": "ec2 deregister-image --image-id",
  "ec2:CreateImage": "ec2 deregister-image --image-id",
  "ec2:CreateInternetGateway": "ec2 delete-internet-gateway --internet-gateway-id",
  "ec2:CreateKeyPair": "ec2 delete-key-pair --key-pair-id",
  "ec2:CreateLaunchTemplate": "ec2 delete-launch-template --launch-template-id",
  "ec2:CreateNatGateway": "ec2 delete-nat-gateway --nat-gateway-id",
  "ec2:CreateNetworkInterface": "ec2 delete-network-interface --network-interface-id",
  "ec2:CreateRouteTable": "ec2 delete-route-table --route-table-id",
  "ec2:CreateSecurityGroup": "ec2 delete-security-group --group-id",
  "ec2:CreateSnapshot": "ec2 delete-snapshot --snapshot-id",
  "ec2:CreateSubnet": "ec2 delete-subnet --subnet-id",
  "ec2:CreateVolume": "ec2 delete-volume --volume-id",
  "ec2:CreateVpc": "ec2 delete-vpc --vpc-id",
  "ec2:CreateVpcEndpoint": "ec2 delete-vpc-endpoints --vpc-endpoint-ids",
  "ec2:ImportKeyPair": "ec2 delete-key-pair --key-pair-id",
  "ec2:RunInstances": "ec2 terminate-instances --instance-ids",
  "ecr:CreateRepository": "ecr delete-repository --repository-name",
  "ecs:CreateCluster": "ecs delete-cluster --cluster",
  "efs:CreateFileSystem": "efs delete-file-system --file-system-id",
  "eks:CreateCluster": "eks delete-cluster --name",
  "elasticache:CreateCacheCluster": "elasticache delete-cache-cluster --cache-cluster-id",
  "elb:CreateLoadBalancer": "elb delete-load-balancer --load-balancer-name",
  "elbv2:CreateLoadBalancer": "elbv2 delete-load-balancer --load-balancer-arn",
  "elbv2:CreateTargetGroup": "elbv2 delete-target-group --target-group-arn",
  "events:PutRule": "events delete-rule --name",
  "iam:CreateInstanceProfile": "iam delete-instance-profile --instance-profile-name",
  "iam:CreateRole": "iam delete-role --role-name",
  "iam:CreateUser": "iam delete-user --user-name",
  "kinesis:CreateStream": "kinesis delete-stream --stream-name",
  "kms:CreateKey": "kms schedule-key-deletion --key-id",
  "lambda:CreateFunction": "lambda delete-function --function-name",
  "logs:CreateLogGroup": "logs delete-log-group --log-group-name",
  "rds:CreateDBCluster": "rds delete-db-cluster --skip-final-snapshot --db-cluster-identifier",
  "rds:CreateDBInstance": "rds delete-db-instance --skip-final-snapshot --db-instance-identifier",
  "rds:CreateDBSnapshot": "rds delete-db-snapshot --db-snapshot-identifier",
  "route53:CreateHostedZone": "route53 delete-hosted-zone --id",
  "s3:CreateBucket": "s3api delete-bucket --bucket",
  "secretsmanager:CreateSecret": "secretsmanager delete-secret --secret-id",
  "sns:CreateTopic": "sns delete-topic --topic-arn",
  "sns:Subscribe": "sns unsubscribe --subscription-arn",
  "sqs:CreateQueue": "sqs delete-queue --queue-url",
  "stepfunctions:CreateStateMachine": "stepfunctions delete-state-machine --state-machine-arn",
};

/** Takes several at once. */
const several = /(?:-ids|-names)$/;

const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", "'\\''")}'`;

const went = ({ status, decision }: AwsLedgerCall): boolean =>
  (decision === "allowed" || decision === "asked-allowed") && status !== null && status < 300;

/**
 * Whether a name may stand in a command line that a person copies. What an agent named could be an option, drive the terminal, or make
 * the AWS CLI read a file of the host (`file://`) and send it.
 */
const isHarmless = (id: string): boolean => escapeText(id) === id && !/^(?:-|fileb?:)/i.test(id);

function stepsOf(call: AwsLedgerCall, ids: readonly string[]): CleanupStep[] {
  const name = `${call.service}:${call.operation}`;
  const known = Object.hasOwn(reverse, name) ? reverse[name] : undefined;
  const groups = known !== undefined && several.test(known) ? [ids] : ids.map((id) => [id]);
  return groups.map((group) => {
    const safe = group.every(isHarmless);
    const command =
      known === undefined || !safe ? null : `aws ${known} ${group.map(quote).join(" ")} --region ${call.region}`;
    return { call: call.call, what: `${name} ${escapeText(group.join(", "))}`, command };
  });
}

/** The calls that would take back what a session made, last made first; what it deleted again itself is left out. Nothing runs them. */
export function cleanup(calls: readonly AwsLedgerCall[]): CleanupStep[] {
  const done = calls.filter(went);
  // By their place: a gateway that is started again counts its calls anew.
  const gone = new Map<string, number>();
  for (const [place, { service, region, deleted }] of done.entries())
    for (const id of deleted) gone.set(`${service} ${region} ${id}`, place);
  const isThere = ({ service, region }: AwsLedgerCall, place: number, id: string): boolean =>
    (gone.get(`${service} ${region} ${id}`) ?? -1) < place;
  return done
    .flatMap((each, place) => [
      stepsOf(
        each,
        each.created.filter((id) => isThere(each, place, id)),
      ),
    ])
    .reverse()
    .flat()
    .filter(({ what }) => !what.endsWith(" "));
}

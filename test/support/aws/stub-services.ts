import { createHash } from "node:crypto";
import { need, type StubCall, StubFault, type StubOperation } from "./stub-call.js";

type Operations = Readonly<Record<string, StubOperation>>;

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

/** Lambda with one function, `resize`. */
export function makeLambda(account: string): Operations {
  const functions = new Set(["resize"]);
  const about = ({ region }: StubCall, name: string) => ({
    ...{ FunctionName: name, Runtime: "nodejs20.x" },
    FunctionArn: `arn:aws:lambda:${region}:${account}:function:${name}`,
  });
  const known = (call: StubCall): string => {
    const name = need(call, "FunctionName").replace(/^.*:/, "");
    if (!functions.has(name)) throw new StubFault("ResourceNotFoundException", `Function not found: ${name}`, 404);
    return name;
  };
  return {
    ListFunctions: (call) => ({ Functions: [...functions].map((name) => about(call, name)) }),
    GetFunction: (call) => ({ Configuration: about(call, known(call)) }),
    CreateFunction: (call) => {
      functions.add(need(call, "FunctionName"));
      return about(call, need(call, "FunctionName"));
    },
    DeleteFunction: (call) => {
      functions.delete(known(call));
      return {};
    },
    Invoke: (call) => ({ resized: known(call) }),
  };
}

/** CloudWatch: what was put can be listed. */
export function makeCloudWatch(): Operations {
  const metrics = [{ Namespace: "AWS/EC2", MetricName: "CPUUtilization", Dimensions: [] }];
  return {
    ListMetrics: () => ({ Metrics: metrics }),
    DescribeAlarms: () => ({ MetricAlarms: [], CompositeAlarms: [] }),
    PutMetricData: (call) => {
      metrics.push({ Namespace: need(call, "Namespace"), MetricName: "put", Dimensions: [] });
      return {};
    },
    DeleteAlarms: () => ({}),
  };
}

/** SQS with one queue, `jobs`, that holds a message. */
export function makeSqs(account: string, origin: () => string): Operations {
  const queues = new Map<string, string[]>([["jobs", ["first"]]]);
  const urlOf = (name: string): string => `${origin()}/${account}/${name}`;
  const queueOf = (call: StubCall): string[] => {
    const queue = queues.get(need(call, "QueueUrl").replace(/^.*\//, ""));
    if (queue === undefined)
      throw new StubFault("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.");
    return queue;
  };
  return {
    ListQueues: () => ({ QueueUrls: [...queues.keys()].map(urlOf) }),
    GetQueueUrl: (call) => ({ QueueUrl: urlOf(need(call, "QueueName")) }),
    CreateQueue: (call) => {
      queues.set(need(call, "QueueName"), []);
      return { QueueUrl: urlOf(need(call, "QueueName")) };
    },
    SendMessage: (call) => {
      queueOf(call).push(need(call, "MessageBody"));
      return { MessageId: "m-1", MD5OfMessageBody: md5(need(call, "MessageBody")) };
    },
    ReceiveMessage: (call) => ({
      Messages: queueOf(call)
        .slice(0, 1)
        .map((Body) => ({ MessageId: "m-1", ReceiptHandle: "h-1", Body, MD5OfBody: md5(Body) })),
    }),
    PurgeQueue: (call) => {
      queueOf(call).length = 0;
      return {};
    },
    DeleteQueue: (call) => {
      queues.delete(need(call, "QueueUrl").replace(/^.*\//, ""));
      return {};
    },
  };
}

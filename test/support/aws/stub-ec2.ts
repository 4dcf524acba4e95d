import { listed, need, type StubAnswer, type StubCall, StubFault, type StubOperation } from "./stub-call.js";

interface Instance {
  readonly id: string;
  readonly type: string;
  state: "running" | "stopped" | "terminated";
  readonly tags: Map<string, string>;
}

const codes = { running: 16, stopped: 80, terminated: 48 } as const;

const describe = ({ id, type, state, tags }: Instance): StubAnswer => ({
  instanceId: id,
  instanceType: type,
  instanceState: { code: codes[state], name: state },
  tagSet: [...tags].map(([key, value]) => ({ key, value })),
});

/** EC2 with two instances to begin with: one of production and one of development. */
export function makeEc2(account: string): Readonly<Record<string, StubOperation>> {
  const instances = new Map<string, Instance>();
  let made = 0;
  const add = (type: string, tags: readonly (readonly [string, string])[], id?: string): Instance => {
    made += 1;
    const name = id ?? `i-${made.toString(16).padStart(17, "0")}`;
    const instance: Instance = { id: name, type, state: "running", tags: new Map(tags) };
    instances.set(name, instance);
    return instance;
  };
  add("m5.large", [["env", "prod"]], "i-00000000000000a0d");
  add("t3.micro", [["env", "dev"]], "i-00000000000000b0d");
  const chosen = (call: StubCall): Instance[] =>
    listed(call, "InstanceId").map((id) => {
      const found = instances.get(id);
      if (found === undefined)
        throw new StubFault("InvalidInstanceID.NotFound", `The instance ID '${id}' does not exist`);
      return found;
    });
  const move =
    (state: Instance["state"]): StubOperation =>
    (call) => {
      if (call.input["DryRun"] === "true")
        throw new StubFault("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412);
      return {
        instancesSet: chosen(call).map((instance) => {
          const before = instance.state;
          instance.state = state;
          return {
            instanceId: instance.id,
            currentState: { code: codes[state], name: state },
            previousState: { code: codes[before], name: before },
          };
        }),
      };
    };
  return {
    DescribeInstances: (call) => {
      const wanted = listed(call, "InstanceId").length > 0 ? chosen(call) : [...instances.values()];
      return {
        reservationSet: [{ reservationId: "r-1", ownerId: account, instancesSet: wanted.map(describe) }],
      };
    },
    DescribeRegions: () => ({ regionInfo: [{ regionName: "eu-central-1" }, { regionName: "us-east-1" }] }),
    RunInstances: (call) => {
      const type = String(call.input["InstanceType"] ?? "m1.small");
      const count = Number(need(call, "MinCount"));
      const fresh = Array.from({ length: count }, () => add(type, []));
      return { reservationId: "r-2", ownerId: account, instancesSet: fresh.map(describe) };
    },
    StartInstances: move("running"),
    StopInstances: move("stopped"),
    TerminateInstances: move("terminated"),
    CreateTags: (call) => {
      for (const id of listed(call, "ResourceId"))
        for (let index = 1; call.input[`Tag.${index}.Key`] !== undefined; index++)
          instances
            .get(id)
            ?.tags.set(String(call.input[`Tag.${index}.Key`]), String(call.input[`Tag.${index}.Value`] ?? ""));
      return { return: true };
    },
  };
}

/**
 * The CloudFormation stack that keeps a cluster updated: documents of SSM, a task that EventBridge starts, and roles with
 * no more rights than each needs. Parameters have the names of Bottlerocket's ECS updater.
 */
import { stringify } from "yaml";
import { documentKinds, documentNames, documents } from "./documents.ts";

type Properties = Readonly<Record<string, unknown>>;

const ref = (name: string) => ({ Ref: name });
const sub = (text: string) => ({ "Fn::Sub": text });
const arn = (name: string) => ({ "Fn::GetAtt": [name, "Arn"] });
const resource = (Type: string, resourceProperties: Properties) => ({ Type, Properties: resourceProperties });
const text = (Description: string, rest: Properties = {}) => ({ Type: "String", Description, ...rest });

const clusterArn = sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:cluster/${ClusterName}");
const inCluster = (kind: string) =>
  sub(`arn:\${AWS::Partition}:ecs:\${AWS::Region}:\${AWS::AccountId}:${kind}/\${ClusterName}/*`);
const onlyCluster = { ArnEquals: { "ecs:cluster": clusterArn } };

export function stackTemplate(): string {
  return stringify(template, { lineWidth: 120, aliasDuplicateObjects: false });
}

const template = {
  AWSTemplateFormatVersion: "2010-09-09",
  Description: "Keeps the Orlop hosts of an ECS cluster updated",
  Parameters: {
    ClusterName: text("The cluster whose hosts are updated"),
    UpdaterImage: text("The updater's image, made by `./orlop build --container ecs-updater`"),
    Subnets: { Type: "List<AWS::EC2::Subnet::Id>", Description: "Where the updater runs: it must reach ECS and SSM" },
    LogGroupName: text("An existing log group of CloudWatch Logs, for what the updater does"),
    ScheduleState: text("Whether the updater is started", {
      AllowedValues: ["ENABLED", "DISABLED"],
      Default: "ENABLED",
    }),
    Schedule: text("How often the updater is started", { Default: "rate(12 hours)" }),
    AssignPublicIp: text("Whether it has an address of its own, where the subnets have no NAT", {
      AllowedValues: ["ENABLED", "DISABLED"],
      Default: "ENABLED",
    }),
    Documents: text("Whether this stack makes the SSM documents: one stack of a region does, by their names", {
      AllowedValues: ["MAKE", "USE"],
      Default: "MAKE",
    }),
    Policy: text("How the hosts are updated, as JSON: docs/ecs.md", { Default: "{}" }),
  },
  Conditions: { MakesDocuments: { "Fn::Equals": [ref("Documents"), "MAKE"] } },
  Resources: {
    ...Object.fromEntries(
      documentKinds.map((kind) => [
        documentNames[kind].replace("-", ""),
        {
          Condition: "MakesDocuments",
          ...resource("AWS::SSM::Document", {
            Name: documentNames[kind],
            UpdateMethod: "NewVersion",
            DocumentType: "Command",
            DocumentFormat: "JSON",
            Content: documents[kind],
          }),
        },
      ]),
    ),
    UpdaterRole: resource("AWS::IAM::Role", {
      AssumeRolePolicyDocument: trust("ecs-tasks.amazonaws.com"),
      Policies: [{ PolicyName: "update", PolicyDocument: { Version: "2012-10-17", Statement: updaterRights() } }],
    }),
    ExecutionRole: resource("AWS::IAM::Role", {
      AssumeRolePolicyDocument: trust("ecs-tasks.amazonaws.com"),
      ManagedPolicyArns: [sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")],
    }),
    SchedulerRole: resource("AWS::IAM::Role", {
      AssumeRolePolicyDocument: trust("events.amazonaws.com"),
      Policies: [{ PolicyName: "start", PolicyDocument: { Version: "2012-10-17", Statement: schedulerRights() } }],
    }),
    UpdaterTask: resource("AWS::ECS::TaskDefinition", {
      RequiresCompatibilities: ["FARGATE"],
      NetworkMode: "awsvpc",
      Cpu: "256",
      Memory: "512",
      TaskRoleArn: arn("UpdaterRole"),
      ExecutionRoleArn: arn("ExecutionRole"),
      ContainerDefinitions: [
        {
          Name: "updater",
          Image: ref("UpdaterImage"),
          Essential: true,
          ReadonlyRootFilesystem: true,
          Command: [
            "--cluster",
            ref("ClusterName"),
            "--region",
            ref("AWS::Region"),
            ...documentKinds.flatMap((kind) => [`--${kind}-document`, documentNames[kind]]),
          ],
          Environment: [{ Name: "FLEET_POLICY", Value: ref("Policy") }],
          LogConfiguration: {
            LogDriver: "awslogs",
            Options: {
              "awslogs-group": ref("LogGroupName"),
              "awslogs-region": ref("AWS::Region"),
              "awslogs-stream-prefix": sub("/ecs/orlop-updater/${ClusterName}"),
            },
          },
        },
      ],
    }),
    ScheduleRule: resource("AWS::Events::Rule", {
      ScheduleExpression: ref("Schedule"),
      State: ref("ScheduleState"),
      Targets: [
        {
          Id: "updater",
          Arn: clusterArn,
          RoleArn: arn("SchedulerRole"),
          EcsParameters: {
            LaunchType: "FARGATE",
            TaskCount: 1,
            TaskDefinitionArn: ref("UpdaterTask"),
            NetworkConfiguration: {
              AwsVpcConfiguration: { AssignPublicIp: ref("AssignPublicIp"), Subnets: ref("Subnets") },
            },
          },
        },
      ],
    }),
  },
};

function trust(service: string): Properties {
  return {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  };
}

/** Each call of `cluster/ecs/`, on this cluster's own resources; `stack.test.ts` compares the two. */
function updaterRights(): Properties[] {
  return [
    { Effect: "Allow", Action: ["ecs:ListContainerInstances"], Resource: clusterArn },
    {
      Effect: "Allow",
      Action: ["ecs:PutAttributes", "ecs:DeleteAttributes", "ecs:DescribeContainerInstances"],
      Resource: inCluster("container-instance"),
      Condition: onlyCluster,
    },
    {
      Effect: "Allow",
      Action: ["ecs:UpdateContainerInstancesState"],
      Resource: inCluster("container-instance"),
      Condition: onlyCluster,
    },
    // ECS knows no resources for it but the cluster of the condition.
    { Effect: "Allow", Action: ["ecs:ListTasks"], Resource: "*", Condition: onlyCluster },
    { Effect: "Allow", Action: ["ecs:DescribeTasks", "ecs:StopTask"], Resource: inCluster("task") },
    { Effect: "Allow", Action: ["ecs:DescribeServices"], Resource: inCluster("service") },
    {
      Effect: "Allow",
      Action: ["ssm:SendCommand"],
      Resource: documentKinds.map((kind) =>
        sub(`arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:document/${documentNames[kind]}`),
      ),
    },
    {
      Effect: "Allow",
      Action: ["ssm:SendCommand"],
      Resource: sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"),
    },
    // SSM knows no resources for these two.
    { Effect: "Allow", Action: ["ssm:GetCommandInvocation", "ssm:CancelCommand"], Resource: "*" },
    {
      Effect: "Allow",
      Action: ["ssm:GetParameters", "ssm:PutParameter", "ssm:DeleteParameters"],
      Resource: sub(
        "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/orlop/fleet/${ClusterName}/*",
      ),
    },
  ];
}

function schedulerRights(): Properties[] {
  return [
    { Effect: "Allow", Action: ["ecs:RunTask"], Resource: ref("UpdaterTask"), Condition: onlyCluster },
    {
      Effect: "Allow",
      Action: ["iam:PassRole"],
      Resource: [arn("UpdaterRole"), arn("ExecutionRole")],
      Condition: { StringLike: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    },
  ];
}

// A service on Fargate with cloudwatch_metrics_agent as its sidecar: network, cluster, roles, log
// group, task definition and service.
//
//     npm install     (Node.js 22.18 or newer)
//     npx cdk bootstrap     (once for an account and region)
//     npx cdk deploy
//
// What to change: the constants; the task's size and the container of the service; `vpc`, if the
// service has a network already. ../README.md tells how the agent's image gets to your registry.
import { App, Aws, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';

const namespace = 'MyNamespace';
const serviceName = 'my-service';
const registry = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const image = `${registry}/my-service:1.0.0`;
const agentImage = `${registry}/cloudwatch_metrics_agent:0.3.0`;

const stack = new Stack(new App(), serviceName);

const vpc = new ec2.Vpc(stack, 'Vpc', {
  natGateways: 0,
  subnetConfiguration: [{ name: 'public', subnetType: ec2.SubnetType.PUBLIC }],
});
const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });

const logGroup = new logs.LogGroup(stack, 'LogGroup', {
  logGroupName: `/ecs/${serviceName}`,
  retention: logs.RetentionDays.ONE_MONTH,
  removalPolicy: RemovalPolicy.DESTROY,
});
const logTo = (streamPrefix: string) => ecs.LogDrivers.awsLogs({ logGroup, streamPrefix });

const task = new ecs.FargateTaskDefinition(stack, 'Task', { cpu: 256, memoryLimitMiB: 512 });

// The task role, which all containers have. Add what the service needs.
task.addToTaskRolePolicy(
  new iam.PolicyStatement({
    actions: ['cloudwatch:PutMetricData'],
    resources: ['*'],
    conditions: { StringEquals: { 'cloudwatch:namespace': namespace } },
  }),
);

// The execution role, which ECS itself has, may take the images.
task.addToExecutionRolePolicy(
  new iam.PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }),
);
task.addToExecutionRolePolicy(
  new iam.PolicyStatement({
    actions: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    resources: [`arn:${Aws.PARTITION}:ecr:*:*:repository/*`],
  }),
);

const service = task.addContainer('my-service', {
  image: ecs.ContainerImage.fromRegistry(image),
  essential: true,
  stopTimeout: Duration.seconds(30),
  logging: logTo('my-service'),
});

const agent = task.addContainer('cloudwatch-metrics-agent', {
  image: ecs.ContainerImage.fromRegistry(agentImage),
  // Whatever becomes of the agent, the service runs on.
  essential: false,
  memoryLimitMiB: 32,
  readonlyRootFilesystem: true,
  // More than the agent's --shutdown-timeout of 8 s.
  stopTimeout: Duration.seconds(15),
  environment: {
    CLOUDWATCH_METRICS_AGENT_NAMESPACE: namespace,
    CLOUDWATCH_METRICS_AGENT_SERVICE: serviceName,
  },
  logging: logTo('cloudwatch-metrics-agent'),
});

// Started after the agent, so stopped before it: the agent measures to the end.
service.addContainerDependencies({
  container: agent,
  condition: ecs.ContainerDependencyCondition.START,
});

new ecs.FargateService(stack, 'Service', {
  serviceName,
  cluster,
  taskDefinition: task,
  desiredCount: 1,
  assignPublicIp: true,
});

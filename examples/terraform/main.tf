# A service on Fargate with cloudwatch_metrics_agent as its sidecar: roles, log group, task
# definition and service.
#
#     terraform init
#     terraform apply -var 'subnets=["subnet-1"]' -var 'security_groups=["sg-1"]'
#
# What to change: the variables; the task's size and the container of the service. ../README.md
# tells how the agent's image gets to your registry. Subnets without a public address need a NAT, or
# VPC endpoints for ecr.api, ecr.dkr, s3, logs and monitoring.
terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

variable "service_name" {
  description = "Name of the service, and the value of the dimension ServiceName"
  type        = string
  default     = "my-service"
}

variable "namespace" {
  description = "CloudWatch namespace of the metrics"
  type        = string
  default     = "MyNamespace"
}

variable "image" {
  description = "Image of the service"
  type        = string
  default     = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/my-service:1.0.0"
}

variable "agent_image" {
  description = "Image of the agent"
  type        = string
  default     = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cloudwatch_metrics_agent:0.3.0"
}

variable "cluster" {
  description = "Name of the ECS cluster"
  type        = string
  default     = "default"
}

variable "subnets" {
  description = "Subnets that the tasks run in"
  type        = list(string)
}

variable "security_groups" {
  description = "Security groups of the tasks, which let HTTPS out"
  type        = list(string)
}

locals {
  ecs_tasks = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  }

  publish_metrics = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "cloudwatch:PutMetricData"
      Resource  = "*"
      Condition = { StringEquals = { "cloudwatch:namespace" = var.namespace } }
    }]
  }

  containers = [
    {
      name      = "my-service"
      image     = var.image
      essential = true
      # Started after the agent, so stopped before it: the agent measures to the end.
      dependsOn   = [{ containerName = "cloudwatch-metrics-agent", condition = "START" }]
      stopTimeout = 30
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.service.name
          "awslogs-region"        = var.region
          "awslogs-stream-prefix" = "my-service"
        }
      }
    },
    {
      name  = "cloudwatch-metrics-agent"
      image = var.agent_image
      # Whatever becomes of the agent, the service runs on.
      essential              = false
      memory                 = 32
      readonlyRootFilesystem = true
      # More than the agent's --shutdown-timeout of 8 s.
      stopTimeout = 15
      environment = [
        { name = "CLOUDWATCH_METRICS_AGENT_NAMESPACE", value = var.namespace },
        { name = "CLOUDWATCH_METRICS_AGENT_SERVICE", value = var.service_name },
      ]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.service.name
          "awslogs-region"        = var.region
          "awslogs-stream-prefix" = "cloudwatch-metrics-agent"
        }
      }
    },
  ]
}

resource "aws_cloudwatch_log_group" "service" {
  name              = "/ecs/${var.service_name}"
  retention_in_days = 30
}

# What ECS itself may do: take the images, write the logs.
resource "aws_iam_role" "execution" {
  name_prefix        = "${var.service_name}-execution-"
  assume_role_policy = jsonencode(local.ecs_tasks)
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

# What the containers may do. Add what the service needs.
resource "aws_iam_role" "task" {
  name_prefix        = "${var.service_name}-task-"
  assume_role_policy = jsonencode(local.ecs_tasks)
}

resource "aws_iam_role_policy" "publish_metrics" {
  name   = "publish-metrics"
  role   = aws_iam_role.task.id
  policy = jsonencode(local.publish_metrics)
}

resource "aws_ecs_task_definition" "service" {
  family                   = var.service_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "512"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode(local.containers)
}

resource "aws_ecs_service" "service" {
  name            = var.service_name
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.service.arn
  launch_type     = "FARGATE"
  desired_count   = 1

  network_configuration {
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = true
  }
}

"""Traces of programs on EC2, in an Auto Scaling group, on Elastic Beanstalk and on premises, by the CloudWatch agent.

    cdk deploy --app "python ec2_and_beanstalk.py"

Nothing of your machines changes: Systems Manager installs the agent, which takes the place of X-Ray's daemon. What a
program needs is in `environment`, or as a file for systemd in `environment_file`; the stack's output is the command
that registers machines on premises.
"""

from aws_cdk import App, Environment, Fn, Stack
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as elasticbeanstalk
from aws_cdk import aws_iam as iam
from constructs import Construct

from raytrail.findings import acknowledge
from raytrail.instrumentation import (
    AgentConfig,
    AgentMetrics,
    LogFile,
    instrument_beanstalk,
    instrument_ec2,
    instrument_server,
)

# What each machine sends: its traces, how full it is, and a log.
CONFIG = AgentConfig(
    metrics=AgentMetrics(measurements={"mem": ["mem_used_percent"], "disk": ["used_percent"]}, namespace="Shop"),
    logs=[LogFile(path="/var/log/shop/*.log", log_group="/shop/machines", retention_days=30)],
)
VPC, SUBNETS, ROUTES = "vpc-0123456789abcdef0", ["subnet-0123456789abcdef0"], ["rtb-0123456789abcdef0"]
IMAGE, DISK = "ami-0123456789abcdef0", "/dev/xvda"
PLATFORM = "64bit Amazon Linux 2023 v4.7.0 running Python 3.13"


class MachinesStack(Stack):
    """Machines of your own, and the agent on each."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=VPC,
            availability_zones=[Fn.select(0, Fn.get_azs())],
            private_subnet_ids=SUBNETS,
            private_subnet_route_table_ids=ROUTES,
        )
        orders = instrument_ec2(
            self._make_your_instance(vpc), service_name="orders", config=CONFIG, language="python", environment="prod"
        )
        print(orders.environment_file)
        instrument_ec2(self._make_your_group(vpc), service_name="checkout", config=CONFIG)
        shop, role = self._make_your_beanstalk()
        instrument_beanstalk(shop, service_name="shop", role=role, agent="cloudwatch", language="python")
        # Three machines in your own data centre.
        instrument_server(self, "warehouse", service_name="stock", config=CONFIG, registration_limit=3)

    def _make_your_instance(self, vpc: ec2.IVpc) -> ec2.Instance:
        return ec2.Instance(
            self,
            "Instance",
            vpc=vpc,
            instance_type=ec2.InstanceType("t4g.small"),
            machine_image=ec2.MachineImage.generic_linux({self.region: IMAGE}),
            block_devices=[ec2.BlockDevice(device_name=DISK, volume=ec2.BlockDeviceVolume.ebs(16, encrypted=True))],
            detailed_monitoring=True,
            disable_api_termination=True,
            require_imdsv2=True,
        )

    def _make_your_group(self, vpc: ec2.IVpc) -> autoscaling.AutoScalingGroup:
        template = ec2.LaunchTemplate(
            self,
            "Template",
            instance_type=ec2.InstanceType("t4g.small"),
            machine_image=ec2.MachineImage.generic_linux({self.region: IMAGE}),
            block_devices=[ec2.BlockDevice(device_name=DISK, volume=ec2.BlockDeviceVolume.ebs(16, encrypted=True))],
            role=iam.Role(self, "GroupRole", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com")),
            security_group=ec2.SecurityGroup(self, "GroupFirewall", vpc=vpc),
            require_imdsv2=True,
        )
        group = autoscaling.AutoScalingGroup(
            self, "Group", vpc=vpc, launch_template=template, min_capacity=2, max_capacity=4
        )
        acknowledge(group, {"AwsSolutions-AS3": "nobody is told when the group scales; its alarms tell what matters"})
        return group

    def _make_your_beanstalk(self) -> tuple[elasticbeanstalk.CfnEnvironment, iam.Role]:
        role = iam.Role(
            self,
            "BeanstalkRole",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AWSElasticBeanstalkWebTier")],
        )
        reason = "Elastic Beanstalk documents this policy for instance profiles"
        policy = "arn:<AWS::Partition>:iam::aws:policy/AWSElasticBeanstalkWebTier"
        acknowledge(role, {f"AwsSolutions-IAM4[Policy::{policy}]": reason})
        profile = iam.InstanceProfile(self, "BeanstalkProfile", role=role)
        application = elasticbeanstalk.CfnApplication(self, "Application")
        options = {
            ("aws:autoscaling:launchconfiguration", "IamInstanceProfile"): profile.instance_profile_name,
            ("aws:ec2:vpc", "VPCId"): VPC,
            ("aws:ec2:vpc", "Subnets"): ",".join(SUBNETS),
            ("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled"): "true",
            ("aws:elasticbeanstalk:managedactions", "PreferredStartTime"): "Sun:03:00",
            ("aws:elasticbeanstalk:managedactions:platformupdate", "UpdateLevel"): "minor",
            ("aws:elasticbeanstalk:hostmanager", "LogPublicationControl"): "true",
        }
        environment = elasticbeanstalk.CfnEnvironment(
            self,
            "Environment",
            application_name=application.ref,
            solution_stack_name=PLATFORM,
            option_settings=[
                elasticbeanstalk.CfnEnvironment.OptionSettingProperty(namespace=space, option_name=name, value=value)
                for (space, name), value in options.items()
            ],
        )
        return environment, role


if __name__ == "__main__":
    app = App()
    MachinesStack(app, "machines", env=Environment(region="us-east-1"))
    app.synth()

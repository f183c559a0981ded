"""One call that instruments what the user already has, and says where traces, metrics and errors go."""

from raytrail.instrumentation._agent import ServerInstrumentation
from raytrail.instrumentation._beanstalk import BeanstalkInstrumentation, instrument_beanstalk
from raytrail.instrumentation._ec2 import instrument_ec2
from raytrail.instrumentation._ecs import EcsInstrumentation, instrument_ecs
from raytrail.instrumentation._ecs_firelens import FireLens
from raytrail.instrumentation._ecs_service import EcsAgentService
from raytrail.instrumentation._functions import Instrumentation, instrument_lambda
from raytrail.instrumentation._manual import add_collector
from raytrail.instrumentation._model_agent import AgentConfig, AgentMetrics, AgentTraces, LogFile
from raytrail.instrumentation._model_beanstalk import beanstalk_config_file
from raytrail.instrumentation._model_collector import CollectorConfig
from raytrail.instrumentation._model_ecs_agents import (
    CloudWatchAgentContainer,
    CollectorContainer,
    EcsAgent,
    XRayDaemonContainer,
)
from raytrail.instrumentation._model_ecs_environment import AutoInstrumentation
from raytrail.instrumentation._model_errors import Rollbar
from raytrail.instrumentation._model_exporters import CloudWatchMetrics, Exporter, Honeycomb, Otlp, Prometheus, XRay
from raytrail.instrumentation._model_images import RUNTIME_FOLDER, image_instructions
from raytrail.instrumentation._model_layers import adot_layer_arn, collector_layer_arn, python_layer_arn
from raytrail.instrumentation._model_secrets import SecretField
from raytrail.instrumentation._model_server import application_environment, environment_file
from raytrail.instrumentation._model_services import SERVICES, TracedService, services_table
from raytrail.instrumentation._model_support import SUPPORT, Support, support_table
from raytrail.instrumentation._server import instrument_server
from raytrail.instrumentation._services import trace_service

__all__ = [
    "RUNTIME_FOLDER",
    "SERVICES",
    "SUPPORT",
    "AgentConfig",
    "AgentMetrics",
    "AgentTraces",
    "AutoInstrumentation",
    "BeanstalkInstrumentation",
    "CloudWatchAgentContainer",
    "CloudWatchMetrics",
    "CollectorConfig",
    "CollectorContainer",
    "EcsAgent",
    "EcsAgentService",
    "EcsInstrumentation",
    "Exporter",
    "FireLens",
    "Honeycomb",
    "Instrumentation",
    "LogFile",
    "Otlp",
    "Prometheus",
    "Rollbar",
    "SecretField",
    "ServerInstrumentation",
    "Support",
    "TracedService",
    "XRay",
    "XRayDaemonContainer",
    "add_collector",
    "adot_layer_arn",
    "application_environment",
    "beanstalk_config_file",
    "collector_layer_arn",
    "environment_file",
    "image_instructions",
    "instrument_beanstalk",
    "instrument_ec2",
    "instrument_ecs",
    "instrument_lambda",
    "instrument_server",
    "python_layer_arn",
    "services_table",
    "support_table",
    "trace_service",
]

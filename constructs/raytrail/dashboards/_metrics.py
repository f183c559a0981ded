"""What can be measured of a service behind API Gateway, apart from how it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

_MINUTE = Duration.minutes(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceMetrics:
    """Metrics of a REST API, the function behind it and the table behind that, each by minute.

    Names, dimensions and units are those of AWS's pages on the metrics of API Gateway, Lambda and DynamoDB
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html,
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html).

    Args:
        api_name: Name of the REST API.
        function_name: Name of the function.
        table_name: Name of the table.
    """

    api_name: str
    function_name: str
    table_name: str

    def requests(self) -> cloudwatch.Metric:
        """The number of requests to the API."""
        return self._of_api("Count", "Sum", "Requests")

    def faults(self) -> cloudwatch.Metric:
        """The number of requests that the API answered with a status of 500 or above."""
        return self._of_api("5XXError", "Sum", "Faults")

    def client_errors(self) -> cloudwatch.Metric:
        """The number of requests that the API answered with a status from 400 to 499."""
        return self._of_api("4XXError", "Sum", "Client errors")

    def latency(self, statistic: str = "p95") -> cloudwatch.Metric:
        """Milliseconds from a request's arrival to its answer.

        Args:
            statistic: Which statistic of CloudWatch's. Default: ``p95``, what 95 of 100 stay below.
        """
        return self._of_api("Latency", statistic, f"Latency {statistic}")

    def fault_rate(self) -> cloudwatch.MathExpression:
        """The share of faults among the requests, in percent."""
        return cloudwatch.MathExpression(
            expression="100 * faults / requests",
            using_metrics={"faults": self.faults(), "requests": self.requests()},
            label="Faults, percent",
            period=_MINUTE,
        )

    def invocations(self) -> cloudwatch.Metric:
        """The number of invocations of the function."""
        return self._of_function("Invocations", "Sum")

    def function_errors(self) -> cloudwatch.Metric:
        """The number of invocations that ended in an error."""
        return self._of_function("Errors", "Sum")

    def duration(self, statistic: str = "p95") -> cloudwatch.Metric:
        """Milliseconds that the function ran.

        Args:
            statistic: Which statistic of CloudWatch's. Default: ``p95``, what 95 of 100 stay below.
        """
        return self._of_function("Duration", statistic)

    def throttles(self) -> cloudwatch.Metric:
        """The number of invocations that Lambda refused for want of concurrency."""
        return self._of_function("Throttles", "Sum")

    def table_latency(self, operation: str) -> cloudwatch.Metric:
        """Milliseconds that the table took for one operation.

        Args:
            operation: As ``PutItem``.
        """
        return cloudwatch.Metric(
            namespace="AWS/DynamoDB",
            metric_name="SuccessfulRequestLatency",
            dimensions_map={"TableName": self.table_name, "Operation": operation},
            statistic="Average",
            period=_MINUTE,
            label=operation,
        )

    def _of_api(self, name: str, statistic: str, label: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=name,
            dimensions_map={"ApiName": self.api_name},
            statistic=statistic,
            period=_MINUTE,
            label=label,
        )

    def _of_function(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=name,
            dimensions_map={"FunctionName": self.function_name},
            statistic=statistic,
            period=_MINUTE,
            label=name,
        )

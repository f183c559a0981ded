"""The shape of the lake: a table for each folder that CloudTrail writes, its columns, and where its partitions lie.

Column names and types of events are those of the statement that Athena documents, plus the fields that the record
reference names and that statement lacks (``inScopeOf``, ``credentialId``, ``sourceIdentity`` and others).

* https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html
* https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html
* https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
* https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html
* https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html

Known only from documentation, and not shown here: that CloudTrailInputFormat with the JSON SerDe reads the added fields
and the files of Insights (Athena's pages say it of events and of network activity), and that a digest is one line of
JSON, as the text format needs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from raytrail.errors import InvalidProps

SERDE = "org.apache.hive.hcatalog.data.JsonSerDe"
"""What reads a row of events: Hive's JSON SerDe."""
INPUT_FORMAT = "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
"""What takes records out of CloudTrail's files."""
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
"""Which output format Glue is told; nobody writes to the tables."""
TEXT_SERDE = "org.openx.data.jsonserde.JsonSerDe"
TEXT_INPUT_FORMAT = "org.apache.hadoop.mapred.TextInputFormat"

_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")


class Column(NamedTuple):
    """One column of a Glue table."""

    name: str
    """As Athena shows it."""
    type: str
    """The Glue (Hive) type, such as ``string`` or ``struct<arn:string>``."""
    comment: str
    """What it holds, in words."""


PARTITION_KEYS: tuple[Column, ...] = (
    Column("account", "string", "Account that the events belong to"),
    Column("region", "string", "Region that the file was written for"),
    Column("timestamp", "string", "Day of the file in UTC, yyyy/MM/dd; quote it in a query"),
)
"""Partition keys of every table, from the outermost folder to the innermost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LakeTable:
    """A table over one of the folders that CloudTrail writes below each account."""

    name: str
    """As in ``FROM cloudtrail_events``."""
    folder: str
    """The folder below the account, such as ``CloudTrail-Insight``."""
    description: str
    """What a row is, in words."""
    columns: tuple[Column, ...]
    """Its columns, without the partition keys."""
    serde: str = SERDE
    """What reads a row. Default: Hive's JSON SerDe."""
    input_format: str = INPUT_FORMAT
    """What takes the rows out of a file. Default: CloudTrail's."""

    def table_input(
        self,
        *,
        bucket: str,
        prefix: str = "",
        organization_id: str | None = None,
        accounts: Sequence[str],
        regions: Sequence[str],
        start_date: date,
    ) -> dict[str, Any]:
        """Return what Glue's CreateTable takes as ``TableInput``.

        Args:
            bucket: Name of the trail's bucket.
            prefix: The trail's S3 key prefix. Default: none.
            organization_id: The organization of an organization trail. Default: none.
            accounts: Accounts to look for; empty: any.
            regions: Regions to look for.
            start_date: The first day.

        Raises:
            InvalidProps: As `projection_parameters` does.
        """
        return {
            "Name": self.name,
            "Description": self.description,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [_glue(column) for column in PARTITION_KEYS],
            "Parameters": {
                "EXTERNAL": "TRUE",
                # Without it Athena passes over files that somebody has restored from Glacier.
                "read_restored_glacier_objects": "true",
                **projection_parameters(
                    bucket=bucket,
                    prefix=prefix,
                    organization_id=organization_id,
                    accounts=accounts,
                    regions=regions,
                    start_date=start_date,
                    folder=self.folder,
                ),
            },
            "StorageDescriptor": {
                "Columns": [_glue(column) for column in self.columns],
                "Location": table_location(bucket=bucket, prefix=prefix, organization_id=organization_id),
                "InputFormat": self.input_format,
                "OutputFormat": OUTPUT_FORMAT,
                "SerdeInfo": {"SerializationLibrary": self.serde},
            },
        }


def table_location(*, bucket: str, prefix: str = "", organization_id: str | None = None) -> str:
    """Return the folder above all accounts, the table's ``Location``.

    It ends in a slash: without one S3 would match the siblings that start with the same letters.

    Args:
        bucket: Name of the trail's bucket.
        prefix: The trail's S3 key prefix, with or without slashes around it. Default: none.
        organization_id: The organization of an organization trail, whose files lie one folder deeper. Default: none.

    Raises:
        InvalidProps: The organization id is not one.
    """
    folders = [bucket, prefix.strip("/"), "AWSLogs"]
    if organization_id is not None:
        check_organization_id(organization_id)
        folders.append(organization_id)
    return f"s3://{'/'.join(folder for folder in folders if folder)}/"


def projection_parameters(
    *,
    bucket: str,
    prefix: str = "",
    accounts: Sequence[str],
    regions: Sequence[str],
    start_date: date,
    organization_id: str | None = None,
    folder: str = "CloudTrail",
) -> dict[str, str]:
    """Return the table properties by which Athena computes the partitions instead of listing them.

    Args:
        bucket: Name of the trail's bucket.
        prefix: The trail's S3 key prefix, with or without slashes around it. Default: none.
        accounts: Accounts to look for; a few dozen at most. Empty: any, and then each query must name the
            accounts it asks for (an ``injected`` key, up to 1,000 values).
        regions: Regions to look for. A Region that is missing here is silently invisible, opt-in Regions too.
        start_date: The first day. A fixed day, so that the same settings give the same table on any day.
        organization_id: The organization of an organization trail, whose files lie one folder deeper. Default: none.
        folder: The folder below the account. Default: that of management and data events.

    Raises:
        InvalidProps: No Region, a value twice, a comma or blank in a value, or no organization id.

    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    if not regions:
        raise InvalidProps("regions must name at least one Region: a Region that is not named is not queried")
    root = table_location(bucket=bucket, prefix=prefix, organization_id=organization_id)
    if accounts:
        account = {"projection.account.type": "enum", "projection.account.values": _values("accounts", accounts)}
    else:
        account = {"projection.account.type": "injected"}
    return {
        "projection.enabled": "true",
        **account,
        "projection.region.type": "enum",
        "projection.region.values": _values("regions", regions),
        "projection.timestamp.type": "date",
        "projection.timestamp.format": "yyyy/MM/dd",
        "projection.timestamp.range": f"{start_date:%Y/%m/%d},NOW",
        "projection.timestamp.interval": "1",
        "projection.timestamp.interval.unit": "DAYS",
        # Below the account the folder is named whole: CloudTrail-Digest and -Insight are siblings of CloudTrail.
        "storage.location.template": f"{root}${{account}}/{folder}/${{region}}/${{timestamp}}/",
    }


def check_organization_id(organization_id: str) -> None:
    """Refuse what is no organization's id.

    Args:
        organization_id: As ``o-`` and what follows; see
            https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html.

    Raises:
        InvalidProps: It is not ``o-`` and 10 to 32 lower-case letters and digits.
    """
    if not _ORGANIZATION.fullmatch(organization_id):
        raise InvalidProps(f"organization_id is o- and 10 to 32 lower-case letters and digits, got {organization_id!r}")


def _values(prop: str, values: Sequence[str]) -> str:
    for value in values:
        if not value or re.search(r"[\s,]", value):
            raise InvalidProps(f"{prop} are joined by commas and a blank counts, so {value!r} cannot be one of them")
    if len(set(values)) != len(values):
        raise InvalidProps(f"{prop} must differ from each other, got {', '.join(values)}")
    return ",".join(values)


def _glue(column: Column) -> dict[str, str]:
    return {"Name": column.name, "Type": column.type, "Comment": column.comment}


_SESSION_ISSUER = "struct<type:string,principalid:string,arn:string,accountid:string,username:string>"
_SESSION_CONTEXT = (
    "struct<attributes:struct<mfaauthenticated:string,creationdate:string>"
    f",sessionissuer:{_SESSION_ISSUER}"
    ",ec2roledelivery:string,sourceidentity:string,assumedroot:string,signinsessionarn:string"
    ",webidfederationdata:struct<federatedprovider:string,attributes:map<string,string>>>"
)
_USER_IDENTITY = (
    "struct<type:string,principalid:string,arn:string,accountid:string,accesskeyid:string,username:string"
    ",invokedby:string,identityprovider:string,credentialid:string"
    ",onbehalfof:struct<userid:string,identitystorearn:string>"
    ",inscopeof:struct<sourcearn:string,sourceaccount:string,issuertype:string,credentialsissuedto:string>"
    ",invokedbydelegate:struct<accountid:string>"
    f",sessioncontext:{_SESSION_CONTEXT}>"
)

CLOUDTRAIL_COLUMNS: tuple[Column, ...] = (
    Column("eventversion", "string", "Version of the record format"),
    Column("useridentity", _USER_IDENTITY, "Who made the request"),
    Column("eventtime", "string", "When the request was completed, ISO 8601 in UTC"),
    Column("eventsource", "string", "Service that was called, such as s3.amazonaws.com"),
    Column("eventname", "string", "API operation that was called"),
    Column("awsregion", "string", "Region that was called"),
    Column("sourceipaddress", "string", "Address, or AWS service, that the request came from"),
    Column("useragent", "string", "Tool or SDK that made the request"),
    Column("errorcode", "string", "AWS error, null when the call succeeded"),
    Column("errormessage", "string", "Description of the error"),
    Column("requestparameters", "string", "Parameters of the request, JSON"),
    Column("responseelements", "string", "Answer of a call that changed something, JSON"),
    Column("additionaleventdata", "string", "What the request and the answer do not hold, JSON"),
    Column("requestid", "string", "Id that the called service gave the request"),
    Column("eventid", "string", "Id of the event, unique: the key to remove duplicates by"),
    Column("readonly", "string", "Whether the call only reads: the text true or false"),
    Column("resources", "array<struct<arn:string,accountid:string,type:string>>", "Resources that were accessed"),
    Column("eventtype", "string", "AwsApiCall, AwsServiceEvent, AwsConsoleAction, AwsConsoleSignIn or others"),
    Column("apiversion", "string", "Version of the API"),
    Column("managementevent", "string", "Whether it is a management event: the text true or false"),
    Column("recipientaccountid", "string", "Account that received the event"),
    Column("serviceeventdetails", "string", "Details of a service event, JSON"),
    Column("sharedeventid", "string", "Id that events of one action in several accounts share"),
    Column("vpcendpointid", "string", "VPC endpoint that the request went through"),
    Column("vpcendpointaccountid", "string", "Owner of the VPC endpoint"),
    Column("eventcategory", "string", "Management, Data, NetworkActivity or Insight"),
    Column(
        "addendum",
        "struct<reason:string,updatedfields:string,originalrequestid:string,originaleventid:string>",
        "Why the event was delivered late or again",
    ),
    Column("sessioncredentialfromconsole", "string", "The text true if the call came from a console session"),
    Column("edgedevicedetails", "string", "Details of an edge device, JSON"),
    Column(
        "tlsdetails",
        "struct<tlsversion:string,ciphersuite:string,clientprovidedhostheader:string,keyexchange:string>",
        "TLS of the connection",
    ),
)
"""Columns of management, data and network activity events, in order."""

EVENTS = LakeTable(
    name="cloudtrail_events",
    folder="CloudTrail",
    description="Management and data events, one row for each API call",
    columns=CLOUDTRAIL_COLUMNS,
)
"""Management and data events."""
NETWORK_ACTIVITY = LakeTable(
    name="cloudtrail_network_activity",
    folder="CloudTrail-NetworkActivity",
    description="Calls through VPC endpoints, one row for each",
    columns=CLOUDTRAIL_COLUMNS,
)
"""Calls through VPC endpoints."""
INSIGHTS = LakeTable(
    name="cloudtrail_insights",
    folder="CloudTrail-Insight",
    description="Unusual rates of calls or errors, one row for the start of each and one for its end",
    columns=(
        Column("eventversion", "string", "Version of the record format"),
        Column("eventtime", "string", "When the unusual activity started or ended, ISO 8601 in UTC"),
        Column("awsregion", "string", "Region of the activity"),
        Column("eventid", "string", "Id of the event, unique: the key to remove duplicates by"),
        Column("eventtype", "string", "AwsCloudTrailInsight"),
        Column("recipientaccountid", "string", "Account that received the event"),
        Column("sharedeventid", "string", "Id that the start and the end share"),
        Column("insightdetails", "string", "State, API, kind of insight, statistics and attributions, JSON"),
        Column("eventcategory", "string", "Insight"),
    ),
)
"""Unusual rates of calls or errors."""
DIGESTS = LakeTable(
    name="cloudtrail_digests",
    folder="CloudTrail-Digest",
    description="Digest files, one row for each hour: what was delivered, and the hashes to prove it by",
    serde=TEXT_SERDE,
    input_format=TEXT_INPUT_FORMAT,
    columns=(
        Column("awsaccountid", "string", "Account whose files the digest is about"),
        Column("digeststarttime", "string", "Start of the hour, ISO 8601 in UTC"),
        Column("digestendtime", "string", "End of the hour, ISO 8601 in UTC"),
        Column("digests3bucket", "string", "Bucket that the digest was delivered to"),
        Column("digests3object", "string", "Key that the digest was delivered under"),
        Column("digestpublickeyfingerprint", "string", "Fingerprint of the key that checks the signature"),
        Column("digestsignaturealgorithm", "string", "SHA256withRSA"),
        Column("newesteventtime", "string", "Time of the newest event in the files"),
        Column("oldesteventtime", "string", "Time of the oldest event in the files"),
        Column("previousdigests3bucket", "string", "Bucket of the digest before, null at the start of a chain"),
        Column("previousdigests3object", "string", "Key of the digest before, null at the start of a chain"),
        Column("previousdigesthashvalue", "string", "Hash of the digest before, uncompressed, in hexadecimal"),
        Column("previousdigesthashalgorithm", "string", "SHA-256"),
        Column("previousdigestsignature", "string", "Signature of the digest before, in hexadecimal"),
        Column(
            "logfiles",
            "array<struct<s3bucket:string,s3object:string,hashvalue:string,hashalgorithm:string"
            ",newesteventtime:string,oldesteventtime:string>>",
            "The files of the hour, with the hash of each, uncompressed",
        ),
    ),
)
"""Digest files, by which the others are checked."""

LAKE_TABLES: tuple[LakeTable, ...] = (EVENTS, NETWORK_ACTIVITY, INSIGHTS, DIGESTS)
"""Every table of the lake."""

-- title: Changes by hand to what code owns
-- question: Who changed in the days given, past the code, what CloudFormation, Terraform or Pulumi had changed since the history begins?
-- parameter: since (day): first day of the history in which the code made its changes, such as 2026/08/01
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1578

WITH changes AS (
  SELECT
    "timestamp" AS day,
    eventid,
    eventtime,
    account,
    region,
    coalesce(
      useridentity.sessioncontext.sessionissuer.arn,
      useridentity.arn,
      useridentity.invokedby,
      useridentity.accountid,
      'unknown'
    ) AS actor,
    eventsource,
    eventname,
    useragent,
    coalesce(
      json_extract_scalar(requestparameters, '$.bucketName'),
      json_extract_scalar(requestparameters, '$.functionName'),
      json_extract_scalar(requestparameters, '$.roleName'),
      json_extract_scalar(requestparameters, '$.userName'),
      json_extract_scalar(requestparameters, '$.groupName'),
      json_extract_scalar(requestparameters, '$.groupId'),
      json_extract_scalar(requestparameters, '$.tableName'),
      json_extract_scalar(requestparameters, '$.topicArn'),
      json_extract_scalar(requestparameters, '$.queueUrl'),
      json_extract_scalar(requestparameters, '$.keyId'),
      json_extract_scalar(requestparameters, '$.logGroupName'),
      json_extract_scalar(requestparameters, '$.instanceId'),
      json_extract_scalar(requestparameters, '$.vpcId'),
      json_extract_scalar(requestparameters, '$.subnetId'),
      json_extract_scalar(requestparameters, '$.routeTableId'),
      json_extract_scalar(requestparameters, '$.dBInstanceIdentifier'),
      json_extract_scalar(requestparameters, '$.name')
    ) AS resource,
    (
      coalesce(useridentity.invokedby, '') = 'cloudformation.amazonaws.com'
      OR coalesce(sourceipaddress, '') = 'cloudformation.amazonaws.com'
      OR regexp_like(coalesce(useragent, ''), 'cloudformation[.]amazonaws[.]com|Terraform/|Pulumi/')
    ) AS by_code,
    (
      useridentity.invokedby IS NOT NULL
      OR coalesce(sourceipaddress, '') LIKE '%.amazonaws.com'
    ) AS by_service
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" BETWEEN ${since} AND ${to}
    AND readonly = 'false'
    AND errorcode IS NULL
),
owned AS (
  SELECT
    *,
    max(CASE WHEN by_code THEN eventtime END) OVER (PARTITION BY account, eventsource, resource) AS last_change_by_code
  FROM changes
  WHERE resource IS NOT NULL
)
SELECT DISTINCT
  eventtime,
  account,
  region,
  actor,
  eventsource,
  eventname,
  resource,
  useragent,
  last_change_by_code,
  eventid
FROM owned
WHERE day >= ${from}
  AND last_change_by_code IS NOT NULL
  AND NOT by_code
  AND NOT by_service
ORDER BY eventtime DESC, eventid

-- title: Deletions
-- question: Who deleted or terminated what in the days given, and how much of it?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1485

WITH deleted AS (
  SELECT
    coalesce(
      useridentity.sessioncontext.sessionissuer.arn,
      useridentity.arn,
      useridentity.invokedby,
      useridentity.accountid,
      'unknown'
    ) AS actor,
    recipientaccountid,
    awsregion,
    eventsource,
    eventname,
    coalesce(
      element_at(transform(resources, touched -> touched.arn), 1),
      json_extract_scalar(requestparameters, '$.bucketName'),
      json_extract_scalar(requestparameters, '$.functionName'),
      json_extract_scalar(requestparameters, '$.roleName'),
      json_extract_scalar(requestparameters, '$.userName'),
      json_extract_scalar(requestparameters, '$.groupName'),
      json_extract_scalar(requestparameters, '$.policyArn'),
      json_extract_scalar(requestparameters, '$.groupId'),
      json_extract_scalar(requestparameters, '$.tableName'),
      json_extract_scalar(requestparameters, '$.topicArn'),
      json_extract_scalar(requestparameters, '$.queueUrl'),
      json_extract_scalar(requestparameters, '$.keyId'),
      json_extract_scalar(requestparameters, '$.secretId'),
      json_extract_scalar(requestparameters, '$.logGroupName'),
      json_extract_scalar(requestparameters, '$.instanceId'),
      json_extract_scalar(requestparameters, '$.vpcId'),
      json_extract_scalar(requestparameters, '$.dBInstanceIdentifier'),
      json_extract_scalar(requestparameters, '$.stackName'),
      json_extract_scalar(requestparameters, '$.roleArn'),
      json_extract_scalar(requestparameters, '$.name'),
      -- Services name what they delete in many ways: then the whole request shows it.
      requestparameters
    ) AS resource,
    eventid,
    eventtime
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" BETWEEN ${from} AND ${to}
    AND readonly = 'false'
    AND errorcode IS NULL
    AND (
      regexp_like(eventname, '^(Batch|Schedule|)(Delete|Terminate|Purge|Destroy)')
      OR eventname IN ('ScheduleKeyDeletion', 'PutBucketLifecycle')
    )
)
SELECT
  actor,
  recipientaccountid,
  awsregion,
  eventsource,
  eventname,
  count(DISTINCT eventid) AS deletions,
  count(DISTINCT resource) AS resources,
  array_join(
    slice(array_sort(array_agg(DISTINCT resource) FILTER (WHERE resource IS NOT NULL)), 1, 10),
    ', '
  ) AS some_resources,
  min(eventtime) AS first_seen,
  max(eventtime) AS last_seen
FROM deleted
GROUP BY 1, 2, 3, 4, 5
ORDER BY deletions DESC, actor, recipientaccountid, awsregion, eventsource, eventname

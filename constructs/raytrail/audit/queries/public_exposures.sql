-- title: Shared with everybody
-- question: Which snapshots, images, databases, functions and documents were opened to everybody in the days given, and by whom?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1537

SELECT DISTINCT
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
  coalesce(
    json_extract_scalar(requestparameters, '$.snapshotId'),
    json_extract_scalar(requestparameters, '$.imageId'),
    json_extract_scalar(requestparameters, '$.dBSnapshotIdentifier'),
    json_extract_scalar(requestparameters, '$.dBClusterSnapshotIdentifier'),
    json_extract_scalar(requestparameters, '$.dBInstanceIdentifier'),
    json_extract_scalar(requestparameters, '$.functionName'),
    json_extract_scalar(requestparameters, '$.name')
  ) AS exposed,
  requestparameters,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND errorcode IS NULL
  AND (
    (
      eventsource = 'ec2.amazonaws.com'
      AND eventname = 'ModifySnapshotAttribute'
      AND any_match(
        TRY_CAST(json_extract(requestparameters, '$.createVolumePermission.add.items') AS array(json)),
        shared -> json_extract_scalar(shared, '$.group') = 'all'
      )
    )
    OR (
      eventsource = 'ec2.amazonaws.com'
      AND eventname = 'ModifyImageAttribute'
      AND any_match(
        TRY_CAST(json_extract(requestparameters, '$.launchPermission.add.items') AS array(json)),
        shared -> json_extract_scalar(shared, '$.group') = 'all'
      )
    )
    OR (
      eventsource = 'rds.amazonaws.com'
      AND eventname IN ('ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute')
      AND json_array_contains(json_extract(requestparameters, '$.valuesToAdd'), 'all')
    )
    OR (
      eventsource = 'rds.amazonaws.com'
      AND eventname IN ('CreateDBInstance', 'ModifyDBInstance')
      AND json_extract_scalar(requestparameters, '$.publiclyAccessible') = 'true'
    )
    OR (
      eventsource = 'lambda.amazonaws.com'
      AND (
        (
          regexp_like(eventname, '^(Create|Update)FunctionUrlConfig')
          AND json_extract_scalar(requestparameters, '$.authType') = 'NONE'
        )
        OR (
          regexp_like(eventname, '^AddPermission')
          AND json_extract_scalar(requestparameters, '$.principal') = '*'
        )
      )
    )
    OR (
      eventsource = 'ssm.amazonaws.com'
      AND eventname = 'ModifyDocumentPermission'
      AND json_array_contains(json_extract(requestparameters, '$.accountIdsToAdd'), 'all')
    )
  )
ORDER BY eventtime DESC, eventid

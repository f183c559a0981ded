-- title: Policy changes
-- question: Who changed which policy or permission in the days given: of a principal, a resource, or the organization?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1098

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
    json_extract_scalar(requestparameters, '$.userName'),
    json_extract_scalar(requestparameters, '$.roleName'),
    json_extract_scalar(requestparameters, '$.groupName'),
    json_extract_scalar(requestparameters, '$.bucketName'),
    json_extract_scalar(requestparameters, '$.functionName'),
    json_extract_scalar(requestparameters, '$.keyId'),
    json_extract_scalar(requestparameters, '$.repositoryName'),
    json_extract_scalar(requestparameters, '$.secretId'),
    json_extract_scalar(requestparameters, '$.topicArn'),
    json_extract_scalar(requestparameters, '$.queueUrl'),
    json_extract_scalar(requestparameters, '$.targetId'),
    json_extract_scalar(requestparameters, '$.resourceArn')
  ) AS target,
  coalesce(
    json_extract_scalar(requestparameters, '$.policyArn'),
    json_extract_scalar(requestparameters, '$.policyName'),
    json_extract_scalar(requestparameters, '$.policyId'),
    json_extract_scalar(requestparameters, '$.permissionsBoundary'),
    json_extract_scalar(requestparameters, '$.statementId')
  ) AS policy,
  requestparameters,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND readonly = 'false'
  AND errorcode IS NULL
  AND (
    -- Lambda's names carry dates: AddPermission20150331v2.
    regexp_like(
      eventname,
      '^(Add|Attach|Create|Delete|Detach|Put|Remove|Set|Update)[A-Za-z]*(Policy|PolicyVersion|Permission|PermissionsBoundary|Acl)[0-9v_]*$'
    )
    OR eventname IN ('SetDefaultPolicyVersion', 'CreateGrant', 'RevokeGrant', 'RetireGrant')
  )
  -- These carry a policy in their name and none in their hands.
  AND eventname NOT IN ('PutScalingPolicy', 'DeleteScalingPolicy', 'PutRetentionPolicy', 'DeleteRetentionPolicy', 'PutLifecyclePolicy')
ORDER BY eventtime DESC, eventid

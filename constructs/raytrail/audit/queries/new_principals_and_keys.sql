-- title: New principals, keys and administrators
-- question: Which users, roles, trusts, credentials and rights were created in the days given, and by whom?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1098

SELECT DISTINCT
  eventtime,
  recipientaccountid,
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  eventname,
  coalesce(
    json_extract_scalar(requestparameters, '$.userName'),
    json_extract_scalar(requestparameters, '$.roleName'),
    json_extract_scalar(requestparameters, '$.groupName')
  ) AS principal,
  coalesce(
    json_extract_scalar(responseelements, '$.accessKey.accessKeyId'),
    json_extract_scalar(requestparameters, '$.policyArn'),
    json_extract_scalar(requestparameters, '$.policyName')
  ) AS key_or_policy,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND eventsource = 'iam.amazonaws.com'
  AND errorcode IS NULL
  AND (
    eventname IN (
      'CreateUser',
      'CreateRole',
      'CreateAccessKey',
      'CreateLoginProfile',
      'UpdateLoginProfile',
      'CreateServiceSpecificCredential',
      'UploadSigningCertificate',
      'UploadSSHPublicKey',
      'CreateSAMLProvider',
      'CreateOpenIDConnectProvider',
      'UpdateAssumeRolePolicy',
      'AddUserToGroup'
    )
    OR (
      eventname IN ('AttachUserPolicy', 'AttachRolePolicy', 'AttachGroupPolicy')
      AND regexp_like(
        json_extract_scalar(requestparameters, '$.policyArn'),
        ':policy/(AdministratorAccess|IAMFullAccess|PowerUserAccess)$'
      )
    )
    OR eventname IN ('PutUserPolicy', 'PutRolePolicy', 'PutGroupPolicy')
  )
ORDER BY eventtime DESC, eventid

-- title: New principals, keys and administrators
-- question: Which users, roles, credentials and administrator rights were created in the last 7 days, and by whom?
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
  AND "timestamp" >= date_format(current_date - INTERVAL '7' DAY, '%Y/%m/%d')
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

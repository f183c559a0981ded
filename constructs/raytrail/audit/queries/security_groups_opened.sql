-- title: Security groups opened to the world
-- question: Which security groups were opened to every address in the days given, by whom, and on which ports?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1562.007

SELECT DISTINCT
  eventtime,
  recipientaccountid,
  awsregion,
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  eventname,
  coalesce(
    json_extract_scalar(requestparameters, '$.groupId'),
    json_extract_scalar(requestparameters, '$.groupName'),
    json_extract_scalar(requestparameters, '$.ModifySecurityGroupRulesRequest.GroupId')
  ) AS security_group,
  coalesce(
    json_extract_scalar(requestparameters, '$.ipPermissions.items[0].fromPort'),
    json_extract_scalar(requestparameters, '$.fromPort')
  ) AS first_from_port,
  requestparameters,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND eventsource = 'ec2.amazonaws.com'
  AND eventname IN ('AuthorizeSecurityGroupIngress', 'ModifySecurityGroupRules')
  AND errorcode IS NULL
  -- The address stands in another place in each form of the request: look for the value itself.
  AND (requestparameters LIKE '%"0.0.0.0/0"%' OR requestparameters LIKE '%"::/0"%')
ORDER BY eventtime DESC, eventid

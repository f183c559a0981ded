-- title: Console sign-ins without MFA
-- question: Who signed in to the console with a password and without a second factor in the days given?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1078.004

SELECT DISTINCT
  eventtime,
  recipientaccountid,
  useridentity.type AS identity,
  coalesce(useridentity.username, useridentity.arn) AS who,
  sourceipaddress,
  useragent,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND eventsource = 'signin.amazonaws.com'
  AND eventname = 'ConsoleLogin'
  AND json_extract_scalar(responseelements, '$.ConsoleLogin') = 'Success'
  -- For federated and Identity Center sign-ins the second factor is the identity provider's, and MFAUsed says No.
  AND useridentity.type IN ('IAMUser', 'Root')
  AND coalesce(json_extract_scalar(additionaleventdata, '$.MFAUsed'), 'No') <> 'Yes'
ORDER BY eventtime DESC, eventid

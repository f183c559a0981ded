-- title: Console sign-ins without MFA
-- question: Who signed in to the console with a password and without a second factor in the last 7 days?
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
  AND "timestamp" >= date_format(current_date - INTERVAL '7' DAY, '%Y/%m/%d')
  AND eventsource = 'signin.amazonaws.com'
  AND eventname = 'ConsoleLogin'
  AND json_extract_scalar(responseelements, '$.ConsoleLogin') = 'Success'
  -- For federated and Identity Center sign-ins the second factor is the identity provider's, and MFAUsed says No.
  AND useridentity.type IN ('IAMUser', 'Root')
  AND coalesce(json_extract_scalar(additionaleventdata, '$.MFAUsed'), 'No') <> 'Yes'
ORDER BY eventtime DESC, eventid

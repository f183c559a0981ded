-- title: Roles used across accounts
-- question: Who took a role of another account in the days given, how often, how often in vain, and since when?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1199

SELECT
  useridentity.accountid AS from_account,
  coalesce(useridentity.sessioncontext.sessionissuer.arn, useridentity.arn, useridentity.principalid) AS caller,
  json_extract_scalar(requestparameters, '$.roleArn') AS role,
  -- Both accounts record the call, under ids of their own and one that they share.
  count(DISTINCT coalesce(sharedeventid, eventid)) AS calls,
  count(DISTINCT CASE WHEN errorcode IS NOT NULL THEN coalesce(sharedeventid, eventid) END) AS refused,
  count(DISTINCT sourceipaddress) AS addresses,
  min(eventtime) AS first_seen,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND eventsource = 'sts.amazonaws.com'
  AND eventname = 'AssumeRole'
  AND split_part(json_extract_scalar(requestparameters, '$.roleArn'), ':', 5) <> useridentity.accountid
GROUP BY 1, 2, 3
ORDER BY calls DESC, from_account, caller, role

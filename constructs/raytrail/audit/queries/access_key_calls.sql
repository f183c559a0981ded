-- title: Calls of an access key
-- question: What was done with one access key in the days given, call by call?
-- parameter: access_key (text): id of a long-term or a temporary key, such as AKIAIOSFODNN7EXAMPLE
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1078.004

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
  sourceipaddress,
  useragent,
  coalesce(errorcode, 'done') AS outcome,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND useridentity.accesskeyid = ${access_key}
ORDER BY eventtime, eventid

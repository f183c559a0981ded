-- title: Who used the root user
-- question: When, from where and for what was the root user of an account used in the days given?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1078.004

SELECT DISTINCT
  eventtime,
  recipientaccountid,
  eventsource,
  eventname,
  sourceipaddress,
  useragent,
  errorcode,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND useridentity.type = 'Root'
  -- What a service did on the account's behalf is no use of the root user.
  AND useridentity.invokedby IS NULL
  AND eventtype <> 'AwsServiceEvent'
ORDER BY eventtime DESC, eventid

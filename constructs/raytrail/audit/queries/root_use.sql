-- title: Who used the root user
-- question: When, from where and for what was the root user of an account used in the last 30 days?
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
  AND "timestamp" >= date_format(current_date - INTERVAL '30' DAY, '%Y/%m/%d')
  AND useridentity.type = 'Root'
  -- What a service did on the account's behalf is no use of the root user.
  AND useridentity.invokedby IS NULL
  AND eventtype <> 'AwsServiceEvent'
ORDER BY eventtime DESC, eventid

-- title: Failed console sign-ins
-- question: Who failed to sign in to the console in the days given, from which address, and did it work in the end?
-- parameter: at_least (integer): leave out who failed less often than this, such as 3
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1110

SELECT
  account,
  who,
  sourceipaddress,
  failures,
  successes,
  first_seen,
  last_seen
FROM (
  SELECT
    account,
    coalesce(useridentity.username, useridentity.arn, 'unknown') AS who,
    sourceipaddress,
    count(DISTINCT CASE
      WHEN json_extract_scalar(responseelements, '$.ConsoleLogin') = 'Failure' THEN eventid
    END) AS failures,
    count(DISTINCT CASE
      WHEN json_extract_scalar(responseelements, '$.ConsoleLogin') = 'Success' THEN eventid
    END) AS successes,
    min(eventtime) AS first_seen,
    max(eventtime) AS last_seen
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" BETWEEN ${from} AND ${to}
    AND eventsource = 'signin.amazonaws.com'
    AND eventname = 'ConsoleLogin'
  GROUP BY 1, 2, 3
) AS sign_ins
WHERE failures >= ${at_least}
ORDER BY failures DESC, account, who, sourceipaddress

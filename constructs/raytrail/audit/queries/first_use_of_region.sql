-- title: First use of a Region
-- question: In which Regions did an account change something in the days given for the first time since the history begins?
-- parameter: since (day): first day of the history to compare with, such as 2026/08/01
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1535

SELECT
  account,
  region,
  first_used,
  actors,
  calls
FROM (
  SELECT
    account,
    region,
    min("timestamp") AS first_day,
    min(eventtime) AS first_used,
    count(DISTINCT coalesce(
      useridentity.sessioncontext.sessionissuer.arn,
      useridentity.arn,
      useridentity.invokedby,
      useridentity.accountid,
      'unknown'
    )) AS actors,
    count(DISTINCT eventid) AS calls
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" BETWEEN ${since} AND ${to}
    AND readonly = 'false'
    AND errorcode IS NULL
  GROUP BY 1, 2
) AS places
WHERE first_day >= ${from}
ORDER BY first_used DESC, account, region

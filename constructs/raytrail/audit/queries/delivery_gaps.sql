-- title: Gaps in delivery
-- question: In which hours of the days given does an account and Region have no event at all, and how long did each silence last?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1562.008

WITH heard AS (
  SELECT DISTINCT
    account,
    region,
    substr(eventtime, 1, 13) AS hour
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    -- The last hour's events may be delivered on the next day.
    AND "timestamp" BETWEEN ${from} AND date_format(date_parse(${to}, '%Y/%m/%d') + INTERVAL '1' DAY, '%Y/%m/%d')
),
expected AS (
  -- Every hour that ended an hour ago or earlier. A sequence may have 10,000 days.
  SELECT
    places.account,
    regions.region,
    date_add('hour', hours.hour, CAST(days.day AS timestamp)) AS hour
  FROM UNNEST(sequence(DATE '2020-01-01', DATE '2046-12-31', INTERVAL '1' DAY)) AS days(day)
  CROSS JOIN UNNEST(sequence(0, 23)) AS hours(hour)
  CROSS JOIN UNNEST(ARRAY[${accounts}]) AS places(account)
  CROSS JOIN UNNEST(ARRAY[${regions}]) AS regions(region)
  WHERE date_format(days.day, '%Y/%m/%d') BETWEEN ${from} AND ${to}
    AND date_add('hour', hours.hour + 2, CAST(days.day AS timestamp)) <= now()
),
silent AS (
  SELECT
    expected.account,
    expected.region,
    expected.hour,
    -- Hours in a row stay as far from the first as their place says.
    date_add(
      'hour',
      -row_number() OVER (PARTITION BY expected.account, expected.region ORDER BY expected.hour),
      expected.hour
    ) AS silence
  FROM expected
  LEFT JOIN heard
    ON heard.account = expected.account
    AND heard.region = expected.region
    AND heard.hour = date_format(expected.hour, '%Y-%m-%dT%H')
  WHERE heard.hour IS NULL
)
SELECT
  account,
  region,
  date_format(min(hour), '%Y-%m-%dT%H:%i:%sZ') AS silent_from,
  date_format(date_add('hour', 1, max(hour)), '%Y-%m-%dT%H:%i:%sZ') AS silent_until,
  count(*) AS hours
FROM silent
GROUP BY account, region, silence
ORDER BY hours DESC, account, region, silent_from

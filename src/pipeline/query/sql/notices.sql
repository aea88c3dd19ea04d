-- Messages that customers were owed, by day and kind.
SELECT
    CAST("at" AS DATE) AS day,
    kind,
    coalesce(detail, '') AS level,
    count(*) AS notices,
    count(DISTINCT account_id) AS accounts
FROM notices
WHERE ($since IS NULL OR "at" >= $since) AND ($until IS NULL OR "at" < $until)
GROUP BY ALL
ORDER BY day, kind, level

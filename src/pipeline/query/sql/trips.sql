-- Trips by day: sent, sent again, done, and orders because nobody answered.
WITH events AS (
    SELECT issued_at AS moment, attempt = 1 AS sent, attempt > 1 AS again, false AS tripped, false AS failed
    FROM commands
    WHERE kind = 'trip'
    UNION ALL
    SELECT "at", false, false, true, false FROM notices WHERE kind = 'tripped'
    UNION ALL
    SELECT "at", false, false, false, true FROM orders WHERE kind = 'trip_failed' AND state = 'opened'
)
SELECT
    CAST(moment AS DATE) AS day,
    count(*) FILTER (sent) AS trips,
    count(*) FILTER (again) AS sent_again,
    count(*) FILTER (tripped) AS tripped,
    count(*) FILTER (failed) AS trip_failed
FROM events
WHERE ($since IS NULL OR moment >= $since) AND ($until IS NULL OR moment < $until)
GROUP BY day
ORDER BY day

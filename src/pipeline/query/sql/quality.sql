-- Accepted reads by day and quality; a read can be of several.
-- A read counts for the local day in which its stretch ends.
SELECT
    CAST("end" - INTERVAL 1 SECOND AS DATE) AS day,
    count(*) AS reads,
    count(*) FILTER (quality = 0) AS good,
    count(*) FILTER (quality & 1 <> 0) AS "first",
    count(*) FILTER (quality & 2 <> 0) AS rollover,
    count(*) FILTER (quality & 4 <> 0) AS gap,
    count(*) FILTER (quality & 8 <> 0) AS late,
    count(*) FILTER (quality & 16 <> 0) AS estimated,
    count(*) FILTER (quality & 32 <> 0) AS suspect,
    count(*) FILTER (quality & 64 <> 0) AS outage
FROM intervals
WHERE ($since IS NULL OR "end" > $since) AND ($until IS NULL OR "end" <= $until)
    AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
GROUP BY day
ORDER BY day

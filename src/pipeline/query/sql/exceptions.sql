-- Refused rows by kind and reason, with how many meters or accounts they are about.
-- A row without a time of its own is in every period.
SELECT
    kind,
    reason,
    count(*) AS rows,
    count(DISTINCT subject) AS subjects,
    min("at") AS earliest,
    max("at") AS latest
FROM exceptions
WHERE "at" IS NULL OR (($since IS NULL OR "at" >= $since) AND ($until IS NULL OR "at" < $until))
GROUP BY kind, reason
ORDER BY kind, rows DESC, reason

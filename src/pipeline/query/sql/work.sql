-- Open findings and orders by kind and by who maintains the district: the work there is.
SELECT
    coalesce(grid, '') AS grid,
    what,
    kind,
    count(*) AS open,
    min("at") AS oldest
FROM (
    SELECT 'finding' AS what, grid, kind, "at", district_id FROM state.findings
    UNION ALL
    SELECT 'order', grid, kind, "at", district_id FROM state.orders
)
WHERE $district IS NULL OR CAST(district_id AS VARCHAR) = $district
GROUP BY ALL
ORDER BY grid, what DESC, open DESC, kind

-- Waits for the job that builds the index airport_names. psql has no loops, so the file includes itself.
SELECT state IN ('succeeded', 'failed', 'cancelled') AS ended
FROM pinnacle.jobs WHERE component = 'airport_names' ORDER BY id DESC LIMIT 1 \gset
\if :ended
\else
    SELECT pg_sleep(0.5) \g /dev/null
    \ir index_ready.sql
\endif

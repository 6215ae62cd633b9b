-- For bench/history: @count deployments in all, like those that slipway recorded in this file itself: d1 (ci), d2 (end2end) and
-- d3 (prod), of r1. Deployments come in tens: six of ci, three of end2end, one of prod; five releases to each ten.
PRAGMA foreign_keys = ON;
PRAGMA synchronous = OFF;
BEGIN IMMEDIATE;

CREATE TEMP TABLE made AS
  WITH RECURSIVE number (i) AS (VALUES (4) UNION ALL SELECT i + 1 FROM number WHERE i < @count)
  SELECT
    i,
    i / 10 AS ten,
    i % 10 AS place,
    CASE WHEN i % 10 < 6 THEN 1 WHEN i % 10 < 9 THEN 2 ELSE 3 END AS like_, -- d1, d2 or d3
    1 + i / 10 * 5 + CASE WHEN i % 10 < 5 THEN i % 10 + 1 WHEN i % 10 BETWEEN 6 AND 8 THEN i % 10 - 3 ELSE 5 END AS release,
    i % 10 = 9 AND i / 10 % 100 = 50 AS is_rollback,
    i % 10 < 5 AND i % 37 = 0 AS is_failed,
    i % 10 = 5 AS is_same, -- what runs already
    1000000 * (1700000000 + 300 * i) AS at
  FROM number;
CREATE UNIQUE INDEX made_i ON made (i);

INSERT INTO release (id, uid, version, revision, committed_at, created_at, build_url)
  WITH RECURSIVE number (r) AS (VALUES (2) UNION ALL SELECT r + 1 FROM number WHERE r < (SELECT max(release) FROM made))
  SELECT r, printf('01bench%019d', r), '1.' || r, lower(hex(randomblob(20))), 1000000 * (1700000000 + 600 * r),
    1000000 * (1700000060 + 600 * r), 'https://jenkins.example.org/job/shop/' || r || '/' FROM number;
INSERT INTO release_image (release, name, reference)
  SELECT r.id, i.name, i.reference FROM release r JOIN release_image i ON i.release = 1 WHERE r.id > 1;
UPDATE release SET created_at = 1000000 * 1700000000 WHERE id = 1;

INSERT INTO blob (sha256, bytes)
  SELECT printf('%064x', m.i), b.bytes FROM made m JOIN deployment d ON d.id = m.like_ JOIN blob b ON b.sha256 = d.snapshot
  WHERE m.i % 20 < 2;

-- A rollback goes from the deployment of ten before to that of twenty before.
INSERT INTO deployment (id, uid, environment, release, kind, status, exit_code, restores, leaves, move, actor, reason, build_url,
    config_revision, forced, config_dirty, touched, started_at, finished_at, images, content, snapshot, message, controller, sequence)
  SELECT m.i, printf('01bench%019d', 1000000 + m.i), d.environment, CASE WHEN m.is_rollback THEN m.release - 10 ELSE m.release END,
    CASE WHEN m.is_rollback THEN 'rollback' WHEN m.like_ = 1 THEN 'deploy' ELSE 'promote' END,
    CASE WHEN m.is_failed THEN 'failed' ELSE 'succeeded' END, m.is_failed,
    CASE WHEN m.is_rollback THEN m.i - 20 END, CASE WHEN m.is_rollback THEN m.i - 10 END,
    CASE WHEN m.is_rollback THEN 'pop' ELSE 'push' END, d.actor, CASE WHEN m.is_rollback THEN 'errors in the shop' END,
    'https://jenkins.example.org/job/shop/' || m.release || '/', lower(hex(randomblob(20))), 0, 0, NOT m.is_same AND NOT m.is_failed,
    m.at, m.at + 1000000 * (20 + m.i % 17), d.images,
    printf('%064x', 1000 * (CASE WHEN m.is_rollback THEN m.release - 10 ELSE m.release END) + m.like_),
    CASE WHEN m.i % 20 < 2 THEN printf('%064x', m.i) ELSE d.snapshot END,
    CASE WHEN m.is_failed THEN 'ci1: pull: no such manifest' END, d.controller, m.i
  FROM made m JOIN deployment d ON d.id = m.like_ ORDER BY m.i;
INSERT INTO deployment_host (deployment, position, name, address, status, runs, error)
  SELECT m.i, h.position, h.name, h.address,
    CASE WHEN m.is_failed THEN 'pending' WHEN m.is_same THEN 'unchanged' ELSE 'changed' END,
    d.uid, NULL
  FROM made m JOIN deployment d ON d.id = m.i JOIN deployment_host h ON h.deployment = m.like_ ORDER BY m.i, h.position;
INSERT INTO step (deployment, host, step, status, started_at, finished_at, detail)
  WITH RECURSIVE number (n, word) AS (SELECT 0, 'connect' UNION ALL SELECT n + 1,
    CASE n % 5 WHEN 0 THEN 'pull' WHEN 1 THEN 'upload' WHEN 2 THEN 'up' WHEN 3 THEN 'health' ELSE 'connect' END
    FROM number WHERE n < 9)
  SELECT m.i, h.name, n.word, 'ok', m.at + 1000000 * n.n, m.at + 1000000 * (n.n + 1), NULL
  FROM made m CROSS JOIN number n
  JOIN deployment_host h ON h.deployment = m.i
    AND h.position = (n.n / 5) % (SELECT count(*) FROM deployment_host c WHERE c.deployment = m.like_)
  ORDER BY m.i, n.n;
INSERT INTO approval (environment, release, person, actor, claimed, reason, approved_at)
  SELECT 'prod', release, 'anna', 'anna@desk', 0, NULL, at FROM made WHERE like_ = 3;
COMMIT;

BEGIN TRANSACTION;
CREATE TABLE definitions (name TEXT PRIMARY KEY, item TEXT NOT NULL);
INSERT INTO "definitions" VALUES('golden-web','{"name": "golden-web", "config_id": "app", "step": null, "spec": "{\"image\": \"paunchd.test/stub:1\", \"net\": \"none\", \"restart\": \"always\"}", "hash": "v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0", "path": "/var/lib/paunchd/desired/app.yaml", "kept_because": ""}');
INSERT INTO "definitions" VALUES('golden-sync','{"name": "golden-sync", "config_id": "app", "step": null, "spec": "{\"command\": [\"sh\", \"-c\", \"exit 0\"], \"detach\": false, \"image\": \"paunchd.test/stub:1\", \"net\": \"none\"}", "hash": "v1:1e4afc085812726e5e4ecaff01611791cdd0c6b1b965c589ce2b9a7c95bff151", "path": "/var/lib/paunchd/desired/app.yaml", "kept_because": ""}');
INSERT INTO "definitions" VALUES('golden-bad','{"name": "golden-bad", "config_id": "app", "step": null, "spec": "{\"command\": [\"sh\", \"-c\", \"exit 3\"], \"image\": \"paunchd.test/stub:1\", \"net\": \"none\", \"restart\": \"no\"}", "hash": "v1:f3d4395c23ca67168db2dc9a4b7242616e7c44c2b79704f24fee3e0c097c55bb", "path": "/var/lib/paunchd/desired/app.yaml", "kept_because": ""}');
CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        at REAL NOT NULL,
        event TEXT NOT NULL,
        outcome TEXT NOT NULL,
        seconds REAL,
        hash TEXT NOT NULL,
        image TEXT NOT NULL,
        detail TEXT NOT NULL
    );
INSERT INTO "events" VALUES(1,'golden-web',1.79552864367658019067e+09,'new','done',4.54900026321411132812e+00,'v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0','paunchd.test/stub:1','');
INSERT INTO "events" VALUES(2,'golden-sync',1.79552864367688798903e+09,'new','done',3.443340301513671875e+00,'v1:1e4afc085812726e5e4ecaff01611791cdd0c6b1b965c589ce2b9a7c95bff151','paunchd.test/stub:1','');
INSERT INTO "events" VALUES(3,'golden-bad',1.79552864367704772944e+09,'new','done',4.44620585441589355468e+00,'v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0','paunchd.test/stub:1','');
INSERT INTO "events" VALUES(4,'golden-sync',1.79552864827913022036e+09,'succeeded','done',9.58111286163330078125e-02,'v1:1e4afc085812726e5e4ecaff01611791cdd0c6b1b965c589ce2b9a7c95bff151','','exit code 0');
INSERT INTO "events" VALUES(5,'golden-web',1.79552864843942356111e+09,'accepted','done',2.7549266815185546875e-03,'v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0','','');
INSERT INTO "events" VALUES(6,'golden-bad',1.79552864843973445894e+09,'accepted','done',2.8393268585205078125e-03,'v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0','','');
INSERT INTO "events" VALUES(7,'golden-bad',1.79552864858880591395e+09,'config-changed','done',2.42834329605102539062e+00,'v1:f3d4395c23ca67168db2dc9a4b7242616e7c44c2b79704f24fee3e0c097c55bb','paunchd.test/stub:1','command');
INSERT INTO "events" VALUES(8,'golden-bad',1.79552865136350202563e+09,'rejected','done',1.70400142669677734375e-02,'v1:f3d4395c23ca67168db2dc9a4b7242616e7c44c2b79704f24fee3e0c097c55bb','','exited with code 3');
INSERT INTO "events" VALUES(9,'golden-bad',1.79552865140985703465e+09,'rollback','done',2.22727608680725097656e+00,'v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0','','exited with code 3');
INSERT INTO "events" VALUES(10,'golden-bad',1.79552865368217921251e+09,'asked to hold','',NULL,'','','');
CREATE TABLE names (
        name TEXT PRIMARY KEY,
        known INTEGER NOT NULL DEFAULT 0,
        step INTEGER NOT NULL DEFAULT 0,
        start_order INTEGER NOT NULL DEFAULT 0,
        good_hash TEXT,
        good_spec TEXT,
        before_hash TEXT,
        before_spec TEXT,
        hold INTEGER NOT NULL DEFAULT 0,
        last_error TEXT NOT NULL DEFAULT ''
    );
INSERT INTO "names" VALUES('golden-web',1,0,0,'v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0','{"image": "paunchd.test/stub:1", "net": "none", "restart": "always"}',NULL,NULL,0,'');
INSERT INTO "names" VALUES('golden-sync',1,0,0,NULL,NULL,NULL,NULL,0,'');
INSERT INTO "names" VALUES('golden-bad',1,0,0,'v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0','{"image": "paunchd.test/stub:1", "net": "none", "restart": "always"}',NULL,NULL,1,'exited with code 3');
CREATE TABLE rejected (
        name TEXT NOT NULL,
        hash TEXT NOT NULL,
        cause TEXT NOT NULL,
        evidence TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (name, hash)
    );
INSERT INTO "rejected" VALUES('golden-bad','v1:f3d4395c23ca67168db2dc9a4b7242616e7c44c2b79704f24fee3e0c097c55bb','exited with code 3','{"plan": "golden-bad: verdict\n  reject v1:f3d4395c23ca of golden-bad: exited with code 3", "logs": "", "exit_code": 3, "oom_killed": false, "restart_count": 0, "health_output": "", "error": ""}',1.79552865137990951536e+09);
CREATE TABLE results (
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        succeeded INTEGER NOT NULL,
        exit_code INTEGER NOT NULL,
        cause TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        container_id TEXT NOT NULL,
        output TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (name, key)
    );
INSERT INTO "results" VALUES('golden-sync','v1:1e4afc085812726e5e4ecaff01611791cdd0c6b1b965c589ce2b9a7c95bff151',1,0,'',1,'89b9ddd0c939bd1b92354f8f4d11df717c1862b0d77117563a9f857fb237f039','',1.79552864836780285838e+09);
CREATE INDEX events_by_name ON events (name, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',10);
COMMIT;
PRAGMA user_version=1;

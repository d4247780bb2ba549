"""The pipeline: observe → plan → execute → record, level-triggered.

        wake  (file event · engine event · request · timer · a lane that ended)     many are one
          │
   source.load ──► Desired ──┐
   observe ──────► Observed ─┼─► plan (pure) ──► Plan = lanes of steps ──► execute ──► record
   store.names ──► History ──┘       ▲    └──► look_again_at ──► timer
                                    now

A lane that only records changes nothing on the engine: after it a pass begins at plan, with what was observed before.

Words: a *pass* is one run of the loop; a *drift* a difference with its reason; a *lane* the steps planned for one name;
a *revision* a spec of one name by its hash, *good* once it proved itself, *rejected* once it failed. A name's live
container has the name itself, the one prepared is NAME.next, the good one kept while its successor proves itself is
NAME.prev.

Pure (no clock, file, engine or event loop): ``model``, ``project``, ``moved``, ``diff``, ``verdict``, ``switch``,
``outlook``, ``container``, ``once``, ``wants``, ``order``, ``removal``, ``plan``. The rest performs: ``observe`` looks,
``execute`` acts, ``record`` remembers, ``tell`` shows, ``loop`` keeps them going, with ``wakes`` and what is
``in_flight``.
"""

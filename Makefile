# Every target sets up what it needs; nothing here touches a container that is not its own.
.PHONY: chromium demo heat heat-agents test test-crash test-histories test-node soak mutation lint format bench bench-parts lock clean setup \
    engine prometheus

PYTEST = .venv/bin/pytest

setup:
	@contrib/lab/setup_venv.sh

engine:
	@contrib/lab/install_engine.sh

prometheus:
	@contrib/lab/install_prometheus.sh

chromium:
	@contrib/lab/install_chromium.sh

heat: setup
	@contrib/lab/install_heat.sh

heat-agents: setup
	@contrib/lab/install_heat_agents.sh

demo: setup  ## the whole story on a real engine, then everything is gone again
	@.venv/bin/python contrib/demo/demo.py

test: setup engine prometheus chromium heat-agents  ## everything, on a real engine of its own
	$(PYTEST)

test-crash: setup engine  ## kill -9 of the daemon around every engine call and every store write of every story
	PAUNCHD_CRASH=all $(PYTEST) -q -s tests/crash

test-node: setup engine heat  ## a whole node under systemd, from its units and from Heat's metadata; kept for the next run
	@contrib/lab/debian_root.sh
	PAUNCHD_NODE=1 $(PYTEST) -q -s tests/node

soak: setup engine  ## MINUTES=… of random faults on a hundred containers: fixed points, invariants, leaks, lag
	PAUNCHD_SOAK_MINUTES=$(or $(MINUTES),20) $(PYTEST) -q -s tests/soak/test_soak.py

test-histories: setup  ## thousands of generated histories of a node on a fake engine, in simulated time
	PAUNCHD_HISTORIES=$(or $(PAUNCHD_HISTORIES),5000) $(PYTEST) -q tests/histories

mutation: setup  ## does a test notice each small change of the core that decides? From nothing each time
	rm -rf mutants
	PATH="$(CURDIR)/.venv/bin:$$PATH" mutmut run
	.venv/bin/python -m tests.mutation.report

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: setup engine  ## beside paunch, Compose and the bare engine: a table and a drawing; ROWS="fleet rest" SHORT=1
	-@contrib/lab/install_paunch.sh
	-@contrib/lab/install_compose.sh
	@.venv/bin/python -m tests.bench $(if $(SHORT),--short) $(ROWS)

bench-parts: setup engine  ## figures of single parts: the API under a crowd, metrics, switches under load, rollbacks
	$(PYTEST) -q -s tests/bench/bench_*.py

lock: setup  ## take the newest versions that pyproject.toml allows
	.venv/bin/pip --quiet install pip-tools
	.venv/bin/pip-compile --quiet --upgrade --extra dev --generate-hashes --strip-extras --allow-unsafe \
	    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv build dist ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .lab mutants

# The two commands of the README: make demo, make test. Both set everything up themselves.
UV    := .uv/bin/uv
BIN   := .venv/bin
READY := .venv/.ready
PYTHON ?= python3

.PHONY: reliability demo test contract setup lint accuracy bench orders texts lock clean

demo: setup
	$(BIN)/meter-agent demo $(if $(RECORDINGS),--recordings $(RECORDINGS)) --state $(or $(STATE),.demo)

test: setup lint .contract/.ready
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

setup: $(READY)

# uv comes by its own lock into a folder of its own: --target works without venv and on an externally managed Python.
$(UV): requirements-uv.lock
	rm -rf .uv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --require-hashes --target .uv -r requirements-uv.lock
	touch $(UV)

# Compiled as an installer leaves it: half of what a start costs would else be compiling, again at each one where
# nothing may be written.
$(READY): $(UV) requirements.lock pyproject.toml
	test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(READY)

# Every recording against what is expected of it: make accuracy RECORDINGS=DIR writes docs/accuracy.md.
accuracy: setup
	$(BIN)/python -m benchmarks.accuracy $(RECORDINGS) docs/accuracy.md

# What proves that nothing is lost, wrong or double, run long: writes docs/reliability.md. QUICK=1 runs it as the test
# suite does, into .bench.
reliability: setup
	mkdir -p .bench
	$(BIN)/python -m benchmarks.reliability $(if $(QUICK),--quick .bench/reliability.md,docs/reliability.md)

# Order rules on generated fleets, side by side, and whether forecasts hold: writes docs/orders.md (half an hour on two
# processors). PRINTERS=100 takes fewer in each fleet; QUICK=1 only shows that it runs, and writes into .bench.
orders: setup
	mkdir -p .bench
	$(BIN)/python -m benchmarks.orders_page $(if $(PRINTERS),--printers $(PRINTERS)) $(if $(QUICK),--quick .bench/orders.md,docs/orders.md)

# Reading beside other programs: writes docs/performance.md. QUICK=1 only shows that everything runs, and writes into
# .bench. RESPONDER=DIR has the fast responder, RECORDINGS=DIR recordings whose datagrams are counted.
BENCH_OPTIONS = $(if $(RESPONDER),--responder $(RESPONDER)) $(if $(RECORDINGS),--recordings $(RECORDINGS))
bench: setup .bench/.ready
	@command -v prometheus-snmp-exporter > /dev/null \
	  || (apt-get update --quiet=2 && apt-get install --quiet=2 --no-install-recommends prometheus-snmp-exporter) \
	  || echo "prometheus-snmp-exporter is missing and cannot be installed: measured without it"
	@command -v fusioninventory-netdiscovery > /dev/null \
	  || (apt-get update --quiet=2 && apt-get install --quiet=2 --no-install-recommends fusioninventory-agent-task-network) \
	  || echo "fusioninventory-netdiscovery is missing and cannot be installed: measured without it"
	$(BIN)/python -m benchmarks $(BENCH_OPTIONS) $(if $(QUICK),--quick .bench/performance.md,docs/performance.md)

# The other libraries have an environment of their own: nothing of them may reach what is shipped.
.bench/.ready: $(UV) requirements-bench.lock
	test -x .bench/venv/bin/python || $(UV) venv --quiet --python $(PYTHON) .bench/venv
	$(UV) pip sync --quiet --python .bench/venv/bin/python --require-hashes requirements-bench.lock
	touch .bench/.ready

# The contract file against the sandbox portal, by generated requests alone: EXAMPLES=200 asks for more than the tests do.
contract: setup .contract/.ready
	$(BIN)/python -m pytest -p no:xdist -q -s tests/test_sandbox_portal_contract.py

# Its tool has an environment of its own as well.
.contract/.ready: $(UV) requirements-contract.lock
	test -x .contract/venv/bin/python || $(UV) venv --quiet --python $(PYTHON) .contract/venv
	$(UV) pip sync --quiet --python .contract/venv/bin/python --require-hashes requirements-contract.lock
	touch .contract/.ready

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# After changing a dependency in pyproject.toml. The lock carries hashes and no addresses.
lock: $(UV)
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --group dev -o requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --group bench -o requirements-bench.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --group contract -o requirements-contract.lock

# After changing a sentence for people: collects them, so that the German catalogue can follow.
texts: setup
	$(BIN)/pybabel --quiet extract --no-location --sort-output --omit-header -k message -k _ -o agent/locale/meter-agent.pot agent
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --omit-header --ignore-obsolete -D meter-agent -i agent/locale/meter-agent.pot -d agent/locale -l de
	$(BIN)/pybabel --quiet compile --use-fuzzy -D meter-agent -d agent/locale

clean:
	rm -rf .venv .uv .demo .bench .contract .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

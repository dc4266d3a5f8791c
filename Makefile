# Everything that is run often, on a fresh machine too: each target installs what it needs into .venv first.
# Options of a script go into ARGS: make finetune ARGS="--seed 2". PYTHON=/path/to/python3.12 chooses the interpreter.

.DEFAULT_GOAL := help
# With -j two targets would install into one .venv at a time.
.NOTPARALLEL:
.PHONY: help demo test lint serve bench bench-api evaluate finetune pretrain probe check-data lock clean
# Packages from elsewhere would count as installed.
unexport PYTHONPATH PYTHONHOME
export PYTHON

VENV := sh .ci/venv.sh
RUN := .venv/bin/python

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 18

demo: ## classify the sample survey; workbook and report go to out/
	@$(VENV) base
	@mkdir -p out
	@.venv/bin/fbclass classify data/sample/survey.xlsx -o out/survey_已分类.xlsx --report out/survey_报告.html --force $(ARGS)

test: lint ## lint, types and the whole test suite
	$(RUN) -m pytest -n 2 --dist loadfile $(ARGS)

lint: ## style and types
	@$(VENV) dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

serve: ## the HTTP service on 127.0.0.1:8000
	@$(VENV) api
	@$(RUN) -m api

bench: ## speed, start-up time and memory of the bundled model
	@$(VENV) base
	@$(RUN) -m benchmarks.throughput $(ARGS)

bench-api: ## the HTTP service under load, kill -9 and made-up requests; half an hour
	@$(VENV) dev
	@$(RUN) -m benchmarks.api $(ARGS)
	@FBCLASS_TEST_EXAMPLES=10000 $(RUN) -m pytest tests/api/test_any_body.py tests/api/test_contract.py

evaluate: ## the bundled model and the baselines on the held-out comments
	@$(VENV) train
	@$(RUN) -m training.evaluate $(ARGS)

finetune: ## train the bundled model anew from the encoder
	@$(VENV) train
	@$(RUN) -m training.finetune $(ARGS)

# The allocator keeps freed memory instead of returning it page by page: 10 to 25% faster on two cores.
pretrain probe: export MALLOC_MMAP_MAX_ = 0
pretrain probe: export MALLOC_TRIM_THRESHOLD_ = 100000000000
pretrain probe: export MALLOC_TOP_PAD_ = 268435456
pretrain probe: export GLIBC_TUNABLES = glibc.malloc.hugetlb=1
pretrain: ## train the encoder on the text files in CORPUS=
	@test -n "$(CORPUS)" || { echo "Name the folder of text files: make pretrain CORPUS=/path/to/texts" >&2; exit 2; }
	@$(VENV) train
	@$(RUN) -m training.pretrain --corpus "$(CORPUS)" $(ARGS)

probe: ## fine-tune the encoder on the public sets in BENCH=, beside published models
	@test -n "$(BENCH)" || { echo "Name the folder of public sets: make probe BENCH=/path/to/sets" >&2; exit 2; }
	@$(VENV) train
	@$(RUN) -m training.probe --bench "$(BENCH)" $(ARGS)

check-data: ## prove that the labelled comments keep their rules
	@$(VENV) train
	@$(RUN) -m training.check_data $(ARGS)

lock: ## write constraints.txt anew with today's versions (see CONTRIBUTING.md)
	@$(VENV) base
	@$(RUN) .ci/lock.py $(ARGS)

clean: ## remove what was generated, but neither .venv nor training checkpoints
	rm -rf out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src api training tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

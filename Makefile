# make             set everything up and run the story of examples/exemplar for real (REMOTE=s3 ENDPOINT_URL=… for a bucket)
# make test        set up what the tests need and run every test
# make test-long   faults at every step of every command, and long random walks (some hours; SHARD=2/8: the second of eight parts)
# make test-hdfs   the tests against real HDFS (Maven, a JDK; some minutes)
# make bench       measure beside real DVC (DVC=path of the dvc program)
# make conformance run our scripts by live DVC and by us, and compare (DVC=path)
# make clean       remove what the above made

# Where the story is played; made anew each time.
DEMO ?= demo
# folder: a remote beside the story, nothing but this machine. s3: the remote of the committed config (URL= for another bucket).
REMOTE ?= folder
URL ?=
ENDPOINT_URL ?=
REGION ?=
PROFILE ?=
DVC ?= dvc
SHARD ?= 1/1

.DELETE_ON_ERROR:
.PHONY: demo setup build test test-long test-hdfs bench conformance clean

demo: build
	node packages/cli/bin/holdfast.js demo $(DEMO) --remote $(REMOTE) \
	  $(if $(URL),--url $(URL)) $(if $(ENDPOINT_URL),--endpoint-url $(ENDPOINT_URL)) $(if $(REGION),--region $(REGION)) $(if $(PROFILE),--profile $(PROFILE))

setup: node_modules/.package-lock.json

node_modules/.package-lock.json: package-lock.json package.json packages/core/package.json packages/cli/package.json
	@node scripts/check-node.mjs
	npm ci --no-audit --no-fund
	@touch $@

build: setup
	npm run build --silent

test: build
	node scripts/setup-test-servers.mjs
	node scripts/run-tests.mjs

test-long: build
	failed=0; export HOLDFAST_LONG=1 HOLDFAST_KILLS=40 HOLDFAST_SHARD=$(SHARD); \
	node scripts/run-tests.mjs tests/faults tests/security --exclude 'tests/faults/everyStep*' --shard $(SHARD) || failed=1; \
	node scripts/run-tests.mjs tests/faults/everyStep || failed=1; \
	exit $$failed

test-hdfs: build
	node scripts/servers/hdfs.mjs
	HOLDFAST_HDFS=1 node scripts/run-tests.mjs tests/hdfs

bench: build
	npm run bench --silent -- --dvc $(DVC)

conformance: build
	npm run conformance --silent -- --dvc $(DVC)

clean:
	rm -rf $(DEMO) packages/*/dist packages/cli/bin packages/cli/exemplar packages/*/tsconfig.tsbuildinfo coverage bench/results .cache/tests
